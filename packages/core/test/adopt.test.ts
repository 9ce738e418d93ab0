import { accountId, createSecretMigrator, createSecretStore, type AdoptOptions, type Adoption, type AdoptionReport } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { ACCOUNT, flavours, MARKER } from './support/migrator-world.ts'
import { TwoClouds } from './support/migration-world.ts'
import { failureOf, lost } from './support/scripted.ts'

async function adopted(
  world: TwoClouds,
  options: Partial<AdoptOptions> = {},
): Promise<{ readonly adoptions: readonly Adoption[]; readonly report: AdoptionReport }> {
  const run = (await world.migrator()).adopt({ account: ACCOUNT, store: 'old', prefix: 'legacy-', ...options })
  const adoptions: Adoption[] = []
  for (;;) {
    const step = await run.next()
    if (step.done === true) return { adoptions, report: step.value }
    adoptions.push(step.value)
  }
}

/** What was there before this library: three versions of one secret, and others. */
async function legacy(world: TwoClouds): Promise<ReturnType<typeof createSecretStore>> {
  const store = createSecretStore(world.old.memory, { naming: 'native' })
  for (const value of ['first', 'second', `${MARKER} third`]) await store.put('legacy-db-password', value)
  await store.put('legacy-Not_Portable', 'value')
  await store.put('elsewhere', 'value')
  return store
}

describe.each(flavours)('adoption from a backend like %s', flavour => {
  it('gives a record to what is there, and changes, reads and copies nothing', async () => {
    const world = new TwoClouds(flavour)
    const store = await legacy(world)
    const before = await Array.fromAsync(store.versions('legacy-db-password'))
    const dry = await adopted(world, { dryRun: true })
    expect(dry.report).toMatchObject({ adoptable: 1, key_invalid: 1, adopted: 0 })
    expect(await (await world.secrets()).list()).toMatchObject({ total: 0 })
    const { adoptions, report } = await adopted(world)
    expect(report).toEqual({ adopted: 1, adoptable: 0, known: 0, managed: 0, key_taken: 0, key_invalid: 1, unreadable: 0 })
    expect(adoptions.find(({ outcome }) => outcome === 'adopted')).toMatchObject({ path: 'legacy-db-password', key: 'db-password' })
    expect(await world.values()).toEqual({ 'db-password': `${MARKER} third` })
    expect(await Array.fromAsync(store.versions('legacy-db-password'))).toEqual(before)
    expect(world.old.methods.filter(method => method !== 'list' && method !== 'versions' && method !== 'read')).toEqual([])
    expect(await (await world.secrets()).describe({ key: 'db-password' })).toMatchObject({
      cloudSecretPath: 'legacy-db-password',
      createdBy: { id: 'operator' },
    })
    expect((await world.trail()).filter(({ action }) => action === 'secret.adopt')).toMatchObject([{ outcome: 'ok', key: 'db-password' }])
    expect((await adopted(world)).report).toMatchObject({ adopted: 0, known: 1 })
  })

  it('never destroys what was adopted: not by updates, lost answers, a delete or a migration', async () => {
    const world = new TwoClouds(flavour)
    const store = await legacy(world)
    const usable = async (): Promise<readonly string[]> =>
      (await Array.fromAsync(store.versions('legacy-db-password'))).filter(({ state }) => state === 'usable').map(({ version }) => version)
    const before = (await Array.fromAsync(store.versions('legacy-db-password'))).at(-1)!.version
    await adopted(world)
    const secrets = await world.secrets()
    const { id } = await secrets.describe({ key: 'db-password' })
    for (const value of ['fourth', 'fifth', 'sixth']) await secrets.update(id, { value })
    world.old.on('append', lost({ retryable: true }))
    await secrets.update(id, { value: 'seventh' })
    await world.settle(4)
    expect(await world.values()).toEqual({ 'db-password': 'seventh' })
    const readAs = createSecretStore(world.old.memory, { naming: 'native' })
    expect((await readAs.get('legacy-db-password', { version: before })).value.revealText()).toBe(`${MARKER} third`)
    if (flavour !== 'aws') expect(await usable()).toContain(before)
    await world.migrate({ graceMs: 0 })
    await world.settle(4)
    expect((await readAs.get('legacy-db-password')).value.revealText()).toBe('seventh')
    expect(await world.values()).toEqual({ 'db-password': 'seventh' })
    expect(await world.paths('old')).toContain('legacy-db-password')
  })

  it('leaves the secret where it is when its record is deleted, unless that is told by name', async () => {
    const world = new TwoClouds(flavour)
    const store = await legacy(world)
    await adopted(world)
    const secrets = await world.secrets()
    await secrets.delete((await secrets.describe({ key: 'db-password' })).id)
    await world.settle(4)
    expect((await store.get('legacy-db-password')).value.revealText()).toBe(`${MARKER} third`)
    await adopted(world)
    await secrets.delete((await secrets.describe({ key: 'db-password' })).id, { purgeAdopted: true })
    await world.settle(4)
    expect(await world.paths('old')).not.toContain('legacy-db-password')
    expect(await world.paths('old')).toContain('elsewhere')
  })

  it('is no finding of a reconciliation', async () => {
    const world = new TwoClouds(flavour)
    await legacy(world)
    await adopted(world)
    await (await world.secrets()).update((await (await world.secrets()).describe({ key: 'db-password' })).id, { value: 'fourth' })
    await world.settle(2)
    expect(await Array.fromAsync((await world.migrator()).reconcile({ graceMs: 0 }))).toEqual([])
  })
})

describe('adoption', () => {
  it('takes keys from a function, filters, and tells of what stands in its way', async () => {
    const world = new TwoClouds()
    const store = await legacy(world)
    await (await world.secrets()).create({ key: 'taken', value: 'value' })
    await createSecretStore(world.old.memory, { naming: 'native' }).put('legacy-labelled', 'value', { ifAbsent: true, labels: { team: 'a' } })
    await store.put('legacy-taken', 'value')
    const key = (path: string): string | undefined =>
      path === 'legacy-Not_Portable' ? 'not-portable' : path.startsWith('legacy-db') ? undefined : path.slice(7)
    const { adoptions } = await adopted(world, { key })
    expect(Object.fromEntries(adoptions.map(({ path, outcome }) => [path, outcome]))).toEqual({
      'legacy-Not_Portable': 'adopted',
      'legacy-labelled': 'adopted',
      'legacy-taken': 'key_taken',
    })
    const filtered = await adopted(new TwoClouds(), { filter: () => false })
    expect(filtered.adoptions).toEqual([])
    const any = new TwoClouds()
    await legacy(any)
    expect((await adopted(any, { keys: 'any', filter: ({ path }) => path.includes('Not') })).adoptions).toMatchObject([
      { outcome: 'adopted', key: 'Not_Portable' },
    ])
    const decoded = new TwoClouds()
    await createSecretStore(decoded.old.memory, { prefix: 'legacy-' }).put('Db', 'value')
    expect((await adopted(decoded, { keys: 'any' })).adoptions).toMatchObject([{ outcome: 'adopted', path: 'legacy---44b', key: 'Db' }])
  })

  it('promises in a dry run what the run does, also where two paths get one key', async () => {
    const outcomesOf = async (dryRun: boolean): Promise<readonly string[]> => {
      const world = new TwoClouds()
      const store = createSecretStore(world.old.memory, { naming: 'native' })
      for (const path of ['legacy-a', 'legacy-b', 'legacy-c']) await store.put(path, 'value')
      const key = (path: string): string => (path === 'legacy-c' ? 'alone' : 'same')
      return (await adopted(world, { key, dryRun })).adoptions.map(({ outcome }) => outcome)
    }
    expect(await outcomesOf(false)).toEqual(['adopted', 'key_taken', 'adopted'])
    expect(await outcomesOf(true)).toEqual(['adoptable', 'key_taken', 'adoptable'])
  })

  it('takes the keys that the migrator does, unless the call says otherwise', async () => {
    const world = new TwoClouds()
    await legacy(world)
    const { metadata } = world
    const shared = { id: 'main', metadata, stores: { old: world.old.driver }, actor: { id: 'operator', type: 'user' } } as const
    const migrator = await createSecretMigrator({ ...shared, keys: 'any' })
    const options = { account: ACCOUNT, store: 'old', prefix: 'legacy-Not', dryRun: true } as const
    const outcomesOf = async (keys?: 'portable'): Promise<readonly string[]> =>
      (await Array.fromAsync(migrator.adopt({ ...options, keys }))).map(({ outcome }) => outcome)
    expect(await outcomesOf()).toEqual(['adoptable'])
    expect(await outcomesOf('portable')).toEqual(['key_invalid'])
    expect(await failureOf(createSecretMigrator({ ...shared, keys: 'all' as never }))).toMatchObject({ code: 'invalid_argument' })
  })

  it('leaves alone what is a registry’s, this one’s or another’s, and what nobody can read', async () => {
    const world = new TwoClouds()
    await (await world.secrets()).create({ key: 'mine', value: 'value' })
    expect((await adopted(world, { prefix: '' })).adoptions).toMatchObject([{ outcome: 'known' }])
    const vault = new TwoClouds('vault')
    const store = createSecretStore(vault.old.memory, { naming: 'native' })
    await store.put('theirs', 'value', { ifAbsent: true, labels: { 'strongroom-registry': 'another' } })
    const { version } = await store.put('gone', 'value')
    await store.destroyVersion('gone', version)
    const { adoptions } = await adopted(vault, { prefix: '' })
    expect(adoptions.find(({ path }) => path === 'gone')).toMatchObject({ outcome: 'unreadable' })
    expect(adoptions.find(({ path }) => path === 'theirs')).toMatchObject({ outcome: 'managed' })
  })

  it('refuses what is no adoption', async () => {
    const migrator = await new TwoClouds().migrator()
    const refused = async (options: object): Promise<unknown> =>
      await failureOf(migrator.adopt({ account: ACCOUNT, store: 'old', ...options } as never).next())
    expect(await refused({ store: 'other' })).toMatchObject({ code: 'misconfigured' })
    expect(await refused({ store: undefined })).toMatchObject({ code: 'invalid_argument' })
    expect(await refused({ prefix: 'a\nb' })).toMatchObject({ code: 'invalid_argument' })
    expect(await refused({ keys: 'all' })).toMatchObject({ code: 'invalid_argument' })
    expect(await refused({ key: 'name' })).toMatchObject({ code: 'invalid_argument' })
    expect(await refused({ account: '' })).toMatchObject({ code: 'invalid_argument' })
  })
})

describe('accounts', () => {
  it('are all that have a trail, also without a secret, however many pages they are', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    await secrets.delete((await secrets.create({ key: 'a', value: MARKER })).id)
    const migrator = await world.migrator()
    expect(await Array.fromAsync(migrator.accounts())).toEqual([ACCOUNT])
    const others = Array.from({ length: 2001 }, (_, n) => accountId(`other-${n}`))
    const seen = { actor: { id: 'alice', type: 'user' }, action: 'secret.list', outcome: 'denied' } as const
    for (const account of others) await world.metadata.appendAudit({ registry: 'main', entry: { account, ...seen } }, {})
    expect(await Array.fromAsync(migrator.accounts())).toEqual([ACCOUNT, ...others].toSorted())
    expect(await failureOf(Array.fromAsync(migrator.accounts({ signal: AbortSignal.abort() })))).toMatchObject({ code: 'aborted' })
  })
})

describe('records', () => {
  it('are all there is of every account, with where their values are', async () => {
    const world = new TwoClouds()
    const { id } = await (await world.secrets()).create({ key: 'a', value: MARKER, description: 'described' })
    await (await world.secrets('new')).create({ key: 'b', value: MARKER })
    const records = await Array.fromAsync((await world.migrator()).records())
    expect(records.map(({ key, pointer }) => `${key} ${pointer.store}`)).toEqual(['a old', 'b new'])
    expect(records[0]).toMatchObject({ id, accountId: ACCOUNT, description: 'described', adopted: undefined })
    expect(JSON.stringify(records)).not.toContain(MARKER)
  })
})
