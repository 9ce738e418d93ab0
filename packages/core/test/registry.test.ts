import {
  accountId,
  createSecretMigrator,
  createSecretRegistry,
  SecretError,
  unsafeAllowEveryone,
  type IntentId,
  type SecretId,
  type WriteOnlyDriver,
} from '@strongroom/core'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ACCOUNT, ACTOR, POLICY, RegistryWorld } from './support/registry-world.ts'
import { failureOf, fails, lost, ScriptedDriver, until } from './support/scripted.ts'
import { FLAVOURS } from './support/tracked.ts'

beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0))

describe('cloud calls', () => {
  it('create is one call, the management side none, a value two at most, a read one', async () => {
    const world = new RegistryWorld()
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'k', value: 'first' })
    expect(world.cloud.methods).toEqual(['create'])
    world.cloud.calls.length = 0
    await secrets.describe(id)
    await secrets.list()
    await secrets.update(id, { description: 'changed' })
    await Array.fromAsync(secrets.audit())
    expect(world.cloud.methods).toEqual([])
    await secrets.update(id, { value: 'second' })
    expect(world.cloud.methods).toEqual(['append', 'promote'])
    world.cloud.calls.length = 0
    await (await world.values()).read({ id })
    expect(world.cloud.methods).toEqual(['read'])
    world.cloud.calls.length = 0
    await secrets.delete(id)
    expect(world.cloud.methods).toEqual(['remove'])
  })

  it.each(['google', 'azure', 'vault'] as const)('a value is one call on a backend like %s', async flavour => {
    const world = new RegistryWorld(FLAVOURS[flavour])
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'k', value: 'first' })
    world.cloud.calls.length = 0
    await secrets.update(id, { value: 'second' })
    expect(world.cloud.methods).toEqual(['append'])
  })

  it('a registry is never given a way to read', async () => {
    const world = new RegistryWorld()
    const { read: _, readMany: _many, ...writeOnly } = world.cloud.driver
    const blind = new Proxy(writeOnly as WriteOnlyDriver, {
      get(target, name) {
        if (name === 'read' || name === 'readMany') throw new Error('the registry looked for a way to read')
        return Reflect.get(target, name) as unknown
      },
    })
    const registry = await world.registry({ stores: { main: blind } })
    const secrets = registry.account(ACCOUNT, ACTOR)
    const { id } = await secrets.create({ key: 'k', value: 'first' })
    await secrets.update(id, { value: 'second' })
    await secrets.delete(id)
    world.now += 3_600_000
    await registry.maintain()
    expect(world.cloud.count('read', 'readMany')).toBe(0)
  })

  it('labels carry the registry, the account and the record, whatever the account id', async () => {
    const world = new RegistryWorld()
    const account = accountId('A-z_.:/=+@-'.padEnd(128, 'x'))
    const { id } = await (await world.registry()).account(account, ACTOR).create({ key: 'k', value: 'v' })
    const labels = { 'strongroom-registry': 'main', 'strongroom-account': account, 'strongroom-secret': id }
    expect(world.cloud.calls[0]?.request['labels']).toEqual(labels)
    for (const [name, value] of Object.entries(labels)) {
      expect(name).toMatch(/^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/)
      expect(value).toMatch(/^[A-Za-z0-9 _.:/=+@-]{1,256}$/)
    }
  })
})

describe('writers', () => {
  it('copies the value when it is called: the caller may wipe its own at once', async () => {
    const world = new RegistryWorld()
    const secrets = await world.secrets()
    const bytes = new TextEncoder().encode('first')
    const created = secrets.create({ key: 'k', value: bytes })
    bytes.fill(0)
    const { id } = await created
    const values = await world.values()
    expect((await values.read({ id })).value.equals('first')).toBe(true)
    bytes.set(new TextEncoder().encode('other'))
    const updated = secrets.update(id, { value: bytes })
    bytes.fill(0)
    await updated
    expect((await values.read({ id })).value.equals('other')).toBe(true)
  })

  /** A record whose update hangs in its append; `go` lets it through. */
  async function busy() {
    const world = new RegistryWorld()
    const secrets = await world.secrets({ policy: { ...POLICY, deadlineMs: 400 } })
    const { id } = await secrets.create({ key: 'k', value: 'first' })
    world.cloud.calls.length = 0
    let go: () => void = () => {}
    world.cloud.on('append', async act => (await new Promise<void>(resolve => (go = resolve)), await act()))
    const first = secrets.update(id, { value: 'second' })
    await until(() => world.cloud.count('append') === 1)
    return { world, secrets, id, first, go: () => go() }
  }

  it('a second writer waits for the first', async () => {
    const { secrets, id, first, go } = await busy()
    const second = secrets.update(id, { description: 'waited' })
    go()
    await first
    expect(await second).toMatchObject({ revision: 3, description: 'waited' })
  })

  it.each(['update', 'describe', 'delete'] as const)('a %s that waits in vain is a conflict before any cloud call', async kind => {
    const { world, id, first, go } = await busy()
    const hasty = await world.secrets({ policy: { ...POLICY, deadlineMs: 20 } })
    const change = kind === 'update' ? { value: 'third' } : { description: 'x' }
    const error = await failureOf(kind === 'delete' ? hasty.delete(id) : hasty.update(id, change))
    expect(error).toMatchObject({ code: 'conflict', effect: 'none', retryable: true })
    expect(world.cloud.methods).toEqual(['append'])
    go()
    await first
    expect(await world.versions(id)).toContain('2 usable current')
  })

  it('a second creator of a key is a conflict while the first is under way, then already_exists', async () => {
    const world = new RegistryWorld()
    const secrets = await world.secrets({ policy: { ...POLICY, deadlineMs: 20_000, leaseMs: 50_000, putHorizonMs: 60_000 } })
    let go: () => void = () => {}
    world.cloud.on('create', async act => (await new Promise<void>(resolve => (go = resolve)), await act()))
    const first = secrets.create({ key: 'k', value: 'one' })
    await until(() => world.cloud.count() === 1)
    const hasty = await world.secrets({ policy: { ...POLICY, deadlineMs: 5 } })
    expect(await failureOf(hasty.create({ key: 'k', value: 'two' }))).toMatchObject({ code: 'conflict', effect: 'none' })
    go()
    await first
    expect(await failureOf(hasty.create({ key: 'k', value: 'two' }))).toMatchObject({ code: 'already_exists', effect: 'none' })
    expect(world.cloud.count('create')).toBe(1)
  })

  it('an expired intent in the way is recovered by the writer that finds it', async () => {
    const world = new RegistryWorld(FLAVOURS.google)
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'k', value: 'first' })
    await world.metadata.beginUpdate(
      { registry: 'main', account: ACCOUNT, secret: id, description: undefined, ifRevision: undefined, actor: ACTOR, token: 'dead', leaseMs: 1_000 },
      {},
    )
    world.now += 1_001
    expect(await secrets.update(id, { value: 'second' })).toMatchObject({ revision: 2 })
    expect((await world.trail()).map(({ outcome, code, operationId }) => [outcome, code, operationId === 'dead'])).toContainEqual([
      'failed',
      'deadline_exceeded',
      true,
    ])
  })

  it('a write undone under its writer answers deadline_exceeded, and nothing of it remains', async () => {
    const { world, id, first, go } = await busy()
    // Recovery finds no token yet, and undoes the update while its put is still on the way.
    world.now += 1_001
    await (await world.registry()).maintain()
    go()
    expect(await failureOf(first)).toMatchObject({ code: 'deadline_exceeded', effect: 'none', retryable: true })
    expect(await world.versions(id), 'a staged version that lands late is never current').toEqual(['1 usable current', '2 usable'])
    world.now += 3_600_000
    const registry = await world.registry()
    await registry.maintain()
    world.now += 3_600_000
    expect(await registry.maintain()).toMatchObject({ backlog: 0 })
    expect(await world.versions(id)).toEqual(['1 usable current', '2 destroyed'])
  })

  it('a lost put is adopted by its token', async () => {
    const world = new RegistryWorld(FLAVOURS.aws)
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'k', value: 'first' })
    world.cloud.on('append', async act => (await act(), Promise.reject(lost())))
    await secrets.update(id, { value: 'second' })
    expect(world.cloud.methods).toEqual(['create', 'append', 'versions', 'promote'])
    expect(await world.versions(id)).toEqual(['1 usable', '2 usable current'])
  })

  it('a lost put that only its position would tell is appended again, and the gap goes at the watch', async () => {
    const world = new RegistryWorld(FLAVOURS.google)
    const registry = await world.registry()
    const secrets = registry.account(ACCOUNT, ACTOR)
    const { id } = await secrets.create({ key: 'k', value: 'first' })
    world.cloud.on('append', async act => (await act(), Promise.reject(lost())))
    await secrets.update(id, { value: 'second' })
    expect((await world.stored(id)).pointer.version).toBe('3')
    await registry.maintain()
    expect(await world.versions(id), 'not before the horizon').toEqual(['1 usable', '2 usable', '3 usable current'])
    world.now += POLICY.putHorizonMs! + 1
    await registry.maintain()
    await registry.maintain()
    expect(await world.versions(id), 'what is kept is no stray').toEqual(['1 usable', '2 destroyed', '3 usable current'])
  })

  it('a put that stays unanswered is effect unknown, and recovery finishes it where it can be proved', async () => {
    const world = new RegistryWorld(FLAVOURS.aws)
    const registry = await world.registry()
    const secrets = registry.account(ACCOUNT, ACTOR)
    const { id } = await secrets.create({ key: 'k', value: 'first' })
    world.cloud.on('append', async act => (await act(), Promise.reject(lost()))).on('versions', fails(), fails())
    expect(await failureOf(secrets.update(id, { value: 'second', description: 'd' }))).toMatchObject({ effect: 'unknown' })
    world.now += 1_001
    expect(await registry.maintain()).toMatchObject({ recovered: 1, promoted: 1 })
    expect(await secrets.describe(id)).toMatchObject({ revision: 2, description: 'd' })
    expect((await (await world.values()).read({ id })).value.revealText()).toBe('second')
    const outcomes = (await world.trail())
      .filter(({ action }) => action === 'secret.update')
      .map(({ outcome, operationId }) => [outcome, operationId])
    expect(outcomes.map(([outcome]) => outcome)).toEqual(['unknown', 'ok'])
    expect(new Set(outcomes.map(([, operation]) => operation)).size, 'one operation').toBe(1)
  })

  it('a refusal in a later round does not hide a put without an answer in an earlier one', async () => {
    const world = new RegistryWorld({ versionProof: 'position', current: 'on_append' }) // compares, as Vault
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'k', value: 'first' })
    // It lands and its answer is lost; the repetition is a conflict with it; then the permission is gone.
    world.cloud.on(
      'append',
      async act => (await act(), Promise.reject(lost())),
      act => act(),
      fails({ code: 'permission_denied', retryable: false }),
    )
    expect(await failureOf(secrets.update(id, { value: 'second' }))).toMatchObject({ code: 'permission_denied', effect: 'unknown' })
    const registry = await world.registry()
    for (let pass = 0; pass < 4; pass += 1) {
      world.now += 3_600_000
      await registry.maintain()
    }
    expect((await world.versions(id)).filter(version => version.includes('usable'))).toHaveLength(1)
  })

  it('a stray newest version does not block the next update where the backend compares', async () => {
    const world = new RegistryWorld(FLAVOURS.vault)
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'k', value: 'first' })
    const { path } = (await world.stored(id)).pointer
    const call = { signal: new AbortController().signal, attempt: 1 }
    const payload = { bytes: new TextEncoder().encode('stray'), text: true }
    await world.cloud.memory.append({ path, payload, token: 'stray', after: undefined, staged: false }, call)
    await secrets.update(id, { value: 'second' })
    expect((await (await world.values()).read({ id })).value.revealText()).toBe('second')
  })

  it('a secret that is gone from the store is corrupt for its writer', async () => {
    const world = new RegistryWorld()
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'k', value: 'first' })
    const { path } = (await world.stored(id)).pointer
    await world.cloud.memory.remove({ path, purge: true }, { signal: new AbortController().signal, attempt: 1 })
    expect(await failureOf(secrets.update(id, { value: 'x' }))).toMatchObject({ code: 'corrupt', effect: 'none' })
  })

  it('compares the revision', async () => {
    const world = new RegistryWorld()
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'k', value: 'first' })
    for (const work of [
      secrets.update(id, { value: 'x' }, { ifRevision: 2 }),
      secrets.update(id, { description: 'x' }, { ifRevision: 2 }),
      secrets.delete(id, { ifRevision: 2 }),
    ]) {
      expect(await failureOf(work)).toMatchObject({ code: 'conflict', effect: 'none' })
    }
    expect(world.cloud.methods).toEqual(['create'])
    await secrets.delete(id, { ifRevision: 1 })
  })
})

describe('delete', () => {
  it.each(Object.keys(FLAVOURS) as (keyof typeof FLAVOURS)[])(
    'frees the key at once on a backend like %s, also when the purge fails',
    async flavour => {
      const world = new RegistryWorld(FLAVOURS[flavour])
      const secrets = await world.secrets()
      const { id } = await secrets.create({ key: 'k', value: 'first' })
      world.cloud.on('remove', fails(), fails())
      await secrets.delete(id)
      expect(await failureOf(secrets.describe(id))).toMatchObject({ code: 'not_found' })
      const next = await secrets.create({ key: 'k', value: 'second' })
      expect((await (await world.values()).read({ key: 'k' })).value.revealText()).toBe('second')
      world.now += 3_600_000
      await (await world.registry()).maintain()
      expect(await world.paths()).toEqual([(await world.stored(next.id)).pointer.path])
    },
  )
})

it('a refusal by the database after a commit without an answer does not say that nothing happened', async () => {
  const world = new RegistryWorld()
  const secrets = await world.secrets()
  const { id } = await secrets.create({ key: 'k', value: 'v' })
  const commitDelete = world.metadata.commitDelete.bind(world.metadata)
  const failure = (code: 'unavailable' | 'misconfigured', effect: 'none' | 'unknown'): SecretError =>
    new SecretError({ code, effect, retryable: code === 'unavailable', operation: 'metadata.commitDelete' })
  let calls = 0
  Object.assign(world.metadata, {
    commitDelete: async (...parameters: Parameters<typeof commitDelete>) => {
      calls += 1
      if (calls > 1) throw failure('misconfigured', 'none')
      await commitDelete(...parameters)
      throw failure('unavailable', 'unknown')
    },
  })
  expect(await failureOf((await world.secrets()).delete(id))).toMatchObject({ code: 'misconfigured', effect: 'unknown' })
  expect((await world.trail()).slice(-2).map(({ outcome }) => outcome)).toEqual(['ok', 'unknown'])
})

describe('stores', () => {
  it('are bound to their location for good', async () => {
    const world = new RegistryWorld()
    await world.registry()
    const elsewhere = new ScriptedDriver({}, 'elsewhere').driver
    const error = await failureOf(world.registry({ stores: { main: elsewhere } }))
    expect(error).toMatchObject({ code: 'misconfigured' })
    for (const part of ['"main"', world.cloud.driver.location, elsewhere.location]) expect(String(error)).toContain(part)
  })

  it('that records still use may not be left out', async () => {
    const world = new RegistryWorld()
    const secrets = await world.secrets()
    await secrets.create({ key: 'k', value: 'v' })
    const other = new ScriptedDriver({}, 'other').driver
    const refusal = async (): Promise<unknown> => await failureOf(world.registry({ stores: { other }, writeTo: 'other' }))
    expect(await refusal()).toMatchObject({ code: 'misconfigured', hint: expect.stringContaining(`"main" (1 record: "k" of "${ACCOUNT}")`) })
    const migrator = await createSecretMigrator({ id: 'main', metadata: world.metadata, stores: { main: world.cloud.driver }, actor: ACTOR })
    expect(await migrator.references('main')).toEqual({ records: 1, intents: 0, tasks: 0 })
    expect(await migrator.references('other')).toEqual({ records: 0, intents: 0, tasks: 0 })
    for (const key of ['l', 'm', 'n', 'o']) await secrets.create({ key, value: 'v' })
    expect(await refusal()).toMatchObject({ hint: expect.stringMatching(/"main" \(5 records: (?:"[k-o]" of "[^"]*",? ){3}and 2 more\)/) })
  })

  it('are closed by their last user, and the database with them, also when one of them fails to close', async () => {
    const world = new RegistryWorld()
    const broken = { ...new ScriptedDriver({}, 'broken').driver, close: () => Promise.reject(new Error('MARKER')) }
    const closed = vi.spyOn(world.metadata, 'close')
    const registry = await world.registry({ stores: { main: world.cloud.driver, broken } })
    const reader = await world.reader()
    expect(String(await failureOf(registry.close()))).not.toContain('MARKER')
    expect(world.cloud.closed).toBe(0)
    expect(closed).not.toHaveBeenCalled()
    await reader.close()
    expect(world.cloud.closed).toBe(1)
    expect(closed).toHaveBeenCalledOnce()
  })

  it('a swap writes new secrets to the new store, and old ones where they are', async () => {
    const world = new RegistryWorld()
    const { id } = await (await world.secrets()).create({ key: 'old', value: 'v' })
    const target = new ScriptedDriver({}, 'target')
    const stores = { main: world.cloud.driver, target: target.driver }
    const registry = await createSecretRegistry({
      id: 'main',
      metadata: world.metadata,
      stores,
      writeTo: 'target',
      authorize: unsafeAllowEveryone,
      policy: POLICY,
    })
    const secrets = registry.account(ACCOUNT, ACTOR)
    const made = await secrets.create({ key: 'new', value: 'v' })
    await secrets.update(id, { value: 'w' })
    expect((await world.stored(made.id)).pointer.store).toBe('target')
    expect((await world.stored(id)).pointer.store).toBe('main')
    expect(target.methods).toEqual(['create'])
  })
})

it('an unknown intent or record of another account is not_found', async () => {
  const world = new RegistryWorld()
  const { id } = await (await world.secrets()).create({ key: 'k', value: 'v' })
  const theirs = (await world.registry()).account(accountId('acc-2'), ACTOR)
  for (const work of [theirs.describe(id), theirs.update(id, { value: 'x' }), theirs.update(id, { description: 'x' }), theirs.delete(id)]) {
    expect(await failureOf(work)).toMatchObject({ code: 'not_found', effect: 'none' })
  }
  expect(world.cloud.methods).toEqual(['create'])
  const nobody = { registry: 'main', intent: 'i' as IntentId, account: ACCOUNT, token: 't', version: '1' as never, keep: 1, enqueue: [] }
  expect(await world.metadata.commitUpdate(nobody, {})).toEqual({ state: 'undone' })
  expect((await world.stored(id satisfies SecretId)).revision).toBe(1)
})
