import { ACCOUNT, REGISTRY, START, type World } from '@strongroom/conformance/metadata'
import { NEVER_UPDATED, type NativePath, type SecretId, type VersionId } from '@strongroom/core'
import { expect } from 'vitest'

// What a database of an earlier schema has, and what must be found of it: the same in every dialect.

/** Records, and the entries of their changes, from before records kept versions. Their accounts are the database's own to write. */
export const BEFORE_KEPT_VERSIONS: string = `
  INSERT INTO records VALUES
    ('${REGISTRY}', 'fresh', '${ACCOUNT}', 'a', NULL, 'full', 1000, 'alice', 'user', ${NEVER_UPDATED}, NULL, 1, 'main', 'p-1', 'v"1'),
    ('${REGISTRY}', 'changed', '${ACCOUNT}', 'b', 'x', 'full', 1000, 'alice', 'user', 2000, 'robot', 3, 'main', 'p-2', 'v7'),
    ('registry-9', 'changed', '${ACCOUNT}', 'b', 'x', 'full', 1000, 'robot', 'user', 3000, 'alice', 2, 'main', 'p-2', 'v8');
  INSERT INTO audit VALUES
    ('${REGISTRY}', '${ACCOUNT}', 1, 1, 'robot', 'user', 'secret.update', 'ok', NULL, 'changed', 'b', 'o-1', '', ''),
    ('${REGISTRY}', '${ACCOUNT}', 2, 1, 'robot', 'service_account', 'secret.update', 'ok', NULL, 'changed', 'b', 'o-2', '', ''),
    ('${REGISTRY}', '${ACCOUNT}', 3, 1, 'robot', 'user', 'secret.update', 'failed', 'conflict', 'changed', 'b', 'o-3', '', ''),
    ('registry-9', '${ACCOUNT}', 1, 1, 'alice', 'user', 'secret.update', 'ok', NULL, 'changed', 'b', 'o-1', '', '');`

/** A process of the release before is still at work, and knows nothing of the column. */
const BY_THE_RELEASE_BEFORE = `
  UPDATE records SET version = 'v10', revision = 5, updated_at = 4000, updated_by = 'alice' WHERE registry = '${REGISTRY}' AND id = 'changed';
  INSERT INTO records (registry, id, account, key, cloud_secret_path, created_at, created_by_id, created_by_type, updated_at, revision, store, path, version)
    VALUES ('${REGISTRY}', 'late', '${ACCOUNT}', 'c', 'full', 5000, 'robot', 'service_account', ${NEVER_UPDATED}, 1, 'main', 'p-3', 'v1');`

/** `execute` runs SQL beside the store. */
export async function expectKeptVersions(world: World, execute: (sql: string) => Promise<void>): Promise<void> {
  expect((await world.find('fresh' as SecretId))?.versions).toEqual([
    { version: 'v"1', revision: 1, committedAt: new Date(1000), committedBy: { id: 'alice', type: 'user' } },
  ])
  const changed = await world.find('changed' as SecretId)
  expect(changed?.versions).toEqual([
    { version: 'v7', revision: 3, committedAt: new Date(2000), committedBy: { id: 'robot', type: 'service_account' } },
  ])
  expect((await world.find('changed' as SecretId, ACCOUNT, 'registry-9'))?.versions).toEqual([
    { version: 'v8', revision: 2, committedAt: new Date(3000), committedBy: { id: 'alice', type: 'user' } },
  ])
  if (changed === undefined) throw new Error('found, and not there')
  await world.update(changed, 'v9', 2)
  expect((await world.find(changed.id))?.versions.map(({ version }) => version)).toEqual(['v9', 'v7'])

  await execute(BY_THE_RELEASE_BEFORE)
  expect((await world.find(changed.id))?.versions).toMatchObject([
    { version: 'v10', revision: 5, committedAt: new Date(4000), committedBy: { id: 'alice' } },
    { version: 'v9' },
    { version: 'v7' },
  ])
  expect((await world.find('late' as SecretId))?.versions).toEqual([
    { version: 'v1', revision: 1, committedAt: new Date(5000), committedBy: { id: 'robot', type: 'service_account' } },
  ])
  const kept = { registry: REGISTRY, store: 'main', paths: [changed.pointer.path] }
  expect((await world.store.owners(kept, {}))[0]?.row?.kept).toEqual(['v10', 'v9', 'v7'])
  const plan = ['v10', 'v9', 'v7', 'v1'].map(named => ({ task: 'destroy_version', ...changed.pointer, version: named as VersionId }) as const)
  await world.enqueue(...plan)
  expect((await world.claim()).map(({ version }) => version)).toEqual(['v1'])
  await world.update(changed, 'v11', 2)
  expect((await world.claim()).map(({ version }) => version)).toEqual(['v9', 'v7'])
}

/** An intent of before idempotency keys, of the key `one` with the description `text`, is finished; and a request is known from now on. */
export async function expectIntentOfBefore(world: World): Promise<void> {
  const [intent] = await world.recover({ leaseMs: 5 })
  if (intent === undefined) throw new Error('not claimed')
  expect(intent.request).toBeUndefined()
  expect(await world.commitCreate(intent)).toMatchObject({ state: 'committed', record: { key: 'one', description: 'text' } })
  const request = { ids: ['id'], fingerprints: ['fingerprint'], keepMs: 5 }
  const record = await world.create({ request })
  expect(await world.store.beginCreate(world.createRequest({ request }), {})).toEqual({ state: 'answered', record })
}

/** A process of before idempotency keys, still at work, commits what was asked for with one: it leaves all but the answer. */
const COMMITTED_BEFORE = `UPDATE requests SET answer = NULL WHERE registry = '${REGISTRY}';`

/** What such a process did is not done again. `execute` runs SQL beside the store. */
export async function expectNothingTwice(world: World, execute: (sql: string) => Promise<void>): Promise<void> {
  const { store } = world
  const asked = (id: string) => ({ ids: [`newer ${id}`, id], fingerprints: ['fingerprint'], keepMs: 5000 }) as const
  const [created, updated] = [
    { ...asked('create'), ids: ['create'] },
    { ...asked('update'), ids: ['update'] },
  ]
  const one = await world.create({ key: 'one', description: 'text', request: created })
  const begun = await store.beginUpdate(world.updateRequest(one, { description: 'changed', request: updated }), {})
  if (begun.state !== 'begun') throw new Error(begun.state)
  // It is not taken for done before it is.
  expect(await store.beginUpdate(world.updateRequest(one, { description: 'changed', request: updated }), {})).toMatchObject({ state: 'busy' })
  await world.commitUpdate(begun.intent)
  await execute(COMMITTED_BEFORE)

  const now = await world.find(one.id)
  const answer = await store.beginUpdate(world.updateRequest(one, { description: 'changed', request: asked('update') }), {})
  if (answer.state !== 'answered') throw new Error(answer.state)
  expect(answer.record).toMatchObject({ id: one.id, description: 'changed', revision: 2, updatedAt: now?.updatedAt })
  // Nobody's but its own: another one begins, and one that was undone begins anew.
  const undone = await store.beginUpdate(world.updateRequest(one, { request: asked('undone') }), {})
  if (undone.state !== 'begun') throw new Error(undone.state)
  await world.abandon(undone.intent)
  const anew = await store.beginUpdate(world.updateRequest(one, { description: 'again', request: asked('undone') }), {})
  if (anew.state !== 'begun') throw new Error(anew.state)
  await world.commitUpdate(anew.intent, 'v3')
  // What was answered once is answered so again.
  expect(await store.beginUpdate(world.updateRequest(one, { request: asked('update') }), {})).toEqual(answer)
  expect((await world.find(one.id))?.revision).toBe(3)
  const create = world.createRequest({ key: 'one', request: created })
  expect(await store.beginCreate(create, {})).toMatchObject({ state: 'answered', record: { id: one.id, revision: 3 } })

  await execute(COMMITTED_BEFORE)
  await world.delete(one)
  await expect(store.beginCreate({ ...create, request: created }, {})).rejects.toMatchObject({ code: 'not_found' })
  expect(await world.references()).toMatchObject({ records: 0, intents: 0 })
}

/** A record, and an update of it that is under way, from before migrations. Their account is the database's own to write. */
export const BEFORE_MIGRATIONS: string = `
  INSERT INTO records (registry, id, account, key, description, cloud_secret_path, created_at, created_by_id, created_by_type, updated_at, updated_by,
    revision, store, path, version, versions)
  VALUES ('${REGISTRY}', 's', '${ACCOUNT}', 'one', 'text', 'full', 1000, 'alice', 'user', ${NEVER_UPDATED}, NULL, 1, 'main', 'p', 'v1', '[]');
  INSERT INTO intents (registry, id, operation, account, secret, key, actor_id, actor_type, store, path, base_version, base_revision, sets_description,
    description, token, lease_until, recoveries, begun_at, request)
  VALUES ('${REGISTRY}', 'i', 'update', '${ACCOUNT}', 's', 'one', 'robot', 'service_account', 'main', 'p', 'v1', 1, 1, 'new', 't', ${START}, 2, 900, 'r');`

/** The intent of before is what it was, its record was not adopted, and from now on a migration may begin beside such an intent. */
export async function expectMigrationsFromNowOn(world: World): Promise<void> {
  const { store } = world
  const record = await world.find('s' as SecretId)
  expect(record).toMatchObject({ adopted: undefined, cloudSecretPath: 'full', pointer: { store: 'main', path: 'p', version: 'v1' } })
  const [intent, ...more] = await world.recover({ leaseMs: 5 })
  expect(more).toEqual([])
  expect(intent).toEqual({
    id: 'i',
    operation: 'update',
    account: ACCOUNT,
    secret: 's',
    key: 'one',
    actor: { id: 'robot', type: 'service_account' },
    store: 'main',
    path: 'p',
    base: { version: 'v1', revision: 1 },
    description: 'new',
    token: 't',
    begunAt: new Date(900),
    leaseUntil: new Date(world.now + 5),
    recoveries: 3,
    replaces: undefined,
    request: 'r',
  })
  if (record === undefined || intent === undefined) throw new Error('not there')
  const place = { store: 'second', path: 'p-2' as NativePath }
  const begin = {
    registry: REGISTRY,
    account: ACCOUNT,
    secret: record.id,
    from: record.pointer,
    actor: intent.actor,
    ...place,
    token: 'm',
    leaseMs: 5,
  }
  expect(await store.beginMigrate(begin, {})).toMatchObject({ state: 'busy', intent: 'i' })
  await world.abandon(intent)
  const begun = await store.beginMigrate(begin, {})
  if (begun.state !== 'begun') throw new Error(begun.state)
  const beside = await world.beginUpdate(record)
  const commit = { registry: REGISTRY, intent: begun.intent.id, account: ACCOUNT, token: 'm', from: record.pointer, fullPath: 'full-2', enqueue: [] }
  expect(await store.commitMigrate({ ...commit, version: 'm1' as VersionId }, {})).toEqual({ state: 'refused' })
  await world.abandon(beside)
  expect(await store.commitMigrate({ ...commit, version: 'm1' as VersionId }, {})).toMatchObject({ state: 'committed' })
  expect(await world.find(record.id)).toMatchObject({ cloudSecretPath: 'full-2', pointer: { ...place, version: 'm1' }, revision: 1 })
}
