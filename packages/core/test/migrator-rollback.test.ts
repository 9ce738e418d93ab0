import {
  accountId,
  isSecretError,
  SecretError,
  secretId,
  type MetadataStore,
  type SecretDriver,
  type SecretRecord,
  type VersionId,
} from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { ACCOUNT, CALL, flavours, MARKER, onAppend, World, type Flavour } from './support/migrator-world.ts'
import { failureOf, fails, until } from './support/scripted.ts'

/** A record with two values, the newer one committed, and the version of the older. */
async function twice(flavour: Flavour = 'google'): Promise<{ readonly world: World; readonly record: SecretRecord; readonly first: VersionId }> {
  const world = new World(flavour)
  const secrets = await world.secrets()
  const { id } = await secrets.create({ key: 'a', value: `${MARKER}-1`, description: 'kept' })
  const first = (await secrets.versions(id))[0]?.version
  if (first === undefined) throw new Error('no version')
  const record = await secrets.update(id, { value: `${MARKER}-2` })
  await world.settle()
  return { world, record, first }
}

describe.each(flavours)('the migrator’s rollback on a backend like %s', flavour => {
  it('puts the value again: readers and outsiders get it, and the version that had it goes', async () => {
    const { world, record, first } = await twice(flavour)
    const path = await world.path(record)
    const back = await (await world.migrator()).rollback(ACCOUNT, record.id, first)
    expect(back).toMatchObject({ outsiders: 'follow', record: { id: record.id, revision: 3, description: 'kept', updatedBy: 'operator' } })
    expect([await world.current(path), await world.values()]).toEqual([`${MARKER}-1`, { a: `${MARKER}-1` }])
    await world.settle()
    const versions = await (await world.secrets()).versions(record.id)
    expect(versions.map(({ committed, revision }) => [committed, revision])).toEqual([
      [true, 3],
      [false, 2],
    ])
    const { items } = await world.outside.versions({ path, after: undefined, page: undefined }, CALL)
    expect(
      items
        .filter(({ state }) => state === 'usable')
        .map(({ version }) => version)
        .toSorted(),
    ).toEqual(versions.map(({ version }) => version).toSorted())
    expect((await world.reconcile()).findings).toEqual([])
    const trail = await world.trail()
    expect(trail.filter(({ actor }) => actor.id === 'operator').map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'secret.update ok',
      'secret.rollback ok',
    ])
  })

  it('makes outsiders follow a rollback of the registry, which may not read', async () => {
    const { world, record, first } = await twice(flavour)
    const secrets = await world.secrets()
    const back = await secrets.rollback(record.id, first)
    await world.settle()
    const sees = onAppend.includes(flavour) ? 'see_newest' : 'follow'
    expect(back.outsiders).toBe(sees)
    expect(await world.current(await world.path(record))).toBe(sees === 'follow' ? `${MARKER}-1` : `${MARKER}-2`)
    expect((await world.reconcile()).report.findings.drift).toBe(sees === 'follow' ? 0 : 1)
    const again = await (await world.migrator()).rollback(ACCOUNT, record.id, first)
    expect(again).toMatchObject({ outsiders: 'follow', record: { revision: sees === 'follow' ? 3 : 4 } })
    expect(await world.current(await world.path(record))).toBe(`${MARKER}-1`)
    await world.settle()
    expect((await world.reconcile()).findings).toEqual([])
    // The other value is kept throughout.
    expect((await secrets.versions(record.id)).map(({ revision }) => revision)).toEqual([again.record.revision, 2])
  })

  it('to what is committed and current it writes nothing', async () => {
    const { world, record } = await twice(flavour)
    const committed = (await (await world.secrets()).versions(record.id))[0]?.version
    const before = world.cloud.count('append', 'promote')
    const again = await (await world.migrator()).rollback(ACCOUNT, record.id, committed as VersionId)
    expect(again).toEqual({ record, outsiders: 'follow' })
    expect(world.cloud.count('append', 'promote')).toBe(before)
  })
})

it.each<readonly [string, 'not_found' | 'conflict', (parts: Awaited<ReturnType<typeof twice>>) => Promise<unknown>]>([
  [
    'a version that it does not keep',
    'not_found',
    async ({ world, record }) => (await world.migrator()).rollback(ACCOUNT, record.id, '77' as VersionId),
  ],
  ['a secret that is not there', 'not_found', async ({ world, first }) => (await world.migrator()).rollback(ACCOUNT, secretId('nobody'), first)],
  [
    'another account’s secret',
    'not_found',
    async ({ world, record, first }) => (await world.migrator()).rollback(accountId('acc-2'), record.id, first),
  ],
  [
    'another revision',
    'conflict',
    async ({ world, record, first }) => (await world.migrator()).rollback(ACCOUNT, record.id, first, { ifRevision: 1 }),
  ],
])('refuses %s, and changes nothing', async (_, code, act) => {
  const parts = await twice()
  const error = await failureOf(act(parts))
  expect(isSecretError(error, code)).toBe(true)
  expect(error).toMatchObject({ operation: 'migrator.rollback', effect: 'none' })
  expect(parts.world.cloud.count('append')).toBe(1)
  expect(await parts.world.values()).toEqual({ a: `${MARKER}-2` })
  await parts.world.trail()
})

it('a version that the store has lost is `version_unusable`, and nothing was changed', async () => {
  const { world, record, first } = await twice()
  await world.outside.destroyVersion({ path: await world.path(record), version: first }, CALL)
  const error = await failureOf((await world.migrator()).rollback(ACCOUNT, record.id, first))
  expect(error).toMatchObject({ code: 'version_unusable', effect: 'none', operation: 'migrator.rollback' })
  expect(await world.values()).toEqual({ a: `${MARKER}-2` })
  expect(await world.metadata.references({ registry: 'main' }, {})).toEqual({ records: 1, intents: 0, tasks: 0 })
  const { findings } = await world.reconcile()
  expect(findings).toMatchObject([{ kind: 'missing', key: 'a', version: first, repair: 'not_possible' }])
  expect(findings[0]?.pointer).not.toBe(first)
})

it('a permission that is missing is an error with its code, and nothing was changed', async () => {
  for (const method of ['read', 'append'] as const) {
    const { world, record, first } = await twice()
    world.cloud.on(method, fails({ code: 'permission_denied', retryable: false }))
    const error = await failureOf((await world.migrator()).rollback(ACCOUNT, record.id, first))
    expect(error).toBeInstanceOf(SecretError)
    expect(error).toMatchObject({ code: 'permission_denied', effect: 'none', operation: 'migrator.rollback' })
    expect((error as SecretError).message).not.toContain(MARKER)
    expect(await world.values()).toEqual({ a: `${MARKER}-2` })
    expect((await world.metadata.references({ registry: 'main' }, {})).intents).toBe(0)
  }
})

it.each(flavours)('one that died before its commit ends wholly done or undone: like %s', async flavour => {
  const { world, record, first } = await twice(flavour)
  const metadata: MetadataStore = { ...world.metadata, commitUpdate: () => new Promise(() => {}) }
  void (await world.migrator({ metadata })).rollback(ACCOUNT, record.id, first)
  await until(() => world.cloud.count('append') === 2)
  await world.settle()
  // Where a version can be proved to be the operation's, recovery finishes it.
  const finished = world.cloud.driver.capabilities.versionProof === 'token'
  expect(await world.values()).toEqual({ a: finished ? `${MARKER}-1` : `${MARKER}-2` })
  await world.reconcile({ repair: ['drift'] })
  await world.settle()
  expect((await world.reconcile()).findings).toEqual([])
  expect(await world.current(await world.path(record))).toBe(finished ? `${MARKER}-1` : `${MARKER}-2`)
})

it('the mending of a drift that died before its commit, and that recovery ends, takes nothing of what can be rolled back to', async () => {
  const { world, record, first } = await twice('azure')
  await world.put(await world.path(record), 'outside-a')
  const metadata: MetadataStore = { ...world.metadata, commitUpdate: () => new Promise(() => {}) }
  void world.reconcile({ repair: ['drift'] }, { metadata })
  await until(() => world.cloud.count('append') === 2)
  await world.settle()
  const secrets = await world.secrets()
  const kept = await secrets.versions(record.id)
  expect(kept).toHaveLength(2)
  expect(kept.map(({ version }) => version)).toContain(first)
  expect(await world.values()).toEqual({ a: `${MARKER}-2` })
  await secrets.rollback(record.id, first)
  expect(await world.values()).toEqual({ a: `${MARKER}-1` })
})

it('a rollback and an update at once: one after the other, or one is told', async () => {
  const { world, record, first } = await twice()
  const migrator = await world.migrator()
  const secrets = await world.secrets()
  const [back, update] = await Promise.allSettled([migrator.rollback(ACCOUNT, record.id, first), secrets.update(record.id, { value: `${MARKER}-3` })])
  expect(update.status).toBe('fulfilled')
  if (back.status === 'rejected') expect(isSecretError(back.reason, 'conflict')).toBe(true)
  const now = await secrets.describe(record.id)
  expect(now.revision).toBe(back.status === 'fulfilled' ? 4 : 3)
  await world.settle()
  expect((await world.reconcile()).findings).toEqual([])
})

it('the mending of a drift takes nothing of what can be rolled back to', async () => {
  const { world, record, first } = await twice()
  const path = await world.path(record)
  for (let round = 0; round < 3; round += 1) {
    await world.put(path, `outside-${round}`)
    expect((await world.reconcile({ repair: ['drift'] })).report.done).toBe(1)
    await world.settle()
  }
  const secrets = await world.secrets()
  expect((await secrets.versions(record.id)).map(({ revision }) => revision)).toEqual([5, 1])
  await secrets.rollback(record.id, first)
  expect(await world.values()).toEqual({ a: `${MARKER}-1` })
})

it('a version destroyed where destruction only detaches is not missed', async () => {
  const { world, record } = await twice('aws')
  const secrets = await world.secrets({ policy: { keepVersions: 5 } })
  for (const value of ['3', '4', '5']) await secrets.update(record.id, { value: `${MARKER}-${value}` })
  const reads = world.cloud.count('read')
  const unlabelled: SecretDriver = {
    ...world.cloud.driver,
    versions: async (request, call) => {
      const page = await world.outside.versions(request, call)
      return { ...page, items: page.items.map(item => (item.current ? item : { ...item, state: 'destroyed' as const })) }
    },
  }
  expect((await world.reconcile({}, { driver: unlabelled })).findings).toEqual([])
  expect(world.cloud.count('read')).toBe(reads)
})

it.each<readonly [string, (parts: Awaited<ReturnType<typeof twice>>) => readonly unknown[]]>([
  ['an account that is none', ({ record, first }) => ['', record.id, first]],
  ['an id that is none', ({ first }) => [ACCOUNT, 'A B', first]],
  ['a version that is none', ({ record }) => [ACCOUNT, record.id, '']],
  ['an unknown option', ({ record, first }) => [ACCOUNT, record.id, first, { nonsense: 1 }]],
  ['ifRevision 0', ({ record, first }) => [ACCOUNT, record.id, first, { ifRevision: 0 }]],
])('refuses %s before anything is looked up', async (_, argumentsOf) => {
  const parts = await twice()
  const migrator = await parts.world.migrator()
  const before = await parts.world.trail()
  const rollback = migrator.rollback.bind(migrator) as (...given: readonly unknown[]) => Promise<unknown>
  const error = await failureOf(rollback(...argumentsOf(parts)))
  expect(isSecretError(error, 'invalid_argument')).toBe(true)
  expect(await parts.world.trail()).toEqual(before)
  await migrator.close()
  expect(isSecretError(await failureOf(rollback(ACCOUNT, parts.record.id, parts.first)), 'closed')).toBe(true)
})
