import {
  accountId,
  createSecretMigrator,
  createSecretReader,
  createSecretRegistry,
  memoryDriver,
  unsafeAllowEveryone,
  verifyAudit,
  type MetadataStore,
  type NativePath,
  type SecretDriver,
} from '@strongroom/core'
import { expect } from 'vitest'

const ACCOUNTS = [accountId('acme'), accountId('globex')]
const SECRETS = 8
const HOUR_MS = 3_600_000
const call = { signal: new AbortController().signal, attempt: 1 }

async function all<Item, Report>(run: AsyncGenerator<Item, Report>): Promise<{ readonly items: readonly Item[]; readonly report: Report }> {
  const items: Item[] = []
  for (;;) {
    const next = await run.next()
    if (next.done === true) return { items, report: next.value }
    items.push(next.value)
  }
}

/** Secrets move to another store and back by one migrator after the other, while others write, and one that nobody knew is adopted. `open` opens the same database each time. */
export async function expectMovedAndBack(open: (clock: () => Date) => MetadataStore): Promise<void> {
  let skippedMs = 0
  const opened: MetadataStore[] = []
  const metadata = (): MetadataStore => {
    const store = open(() => new Date(Date.now() + skippedMs))
    opened.push(store)
    return store
  }
  const stores: Readonly<Record<'old' | 'new', SecretDriver>> = { old: memoryDriver(), new: memoryDriver() }
  const shared = { id: 'moving', stores, authorize: unsafeAllowEveryone }
  const registry = await createSecretRegistry({ ...shared, metadata: metadata(), writeTo: 'old' })
  const reader = await createSecretReader({ ...shared, metadata: metadata() })
  const newMigrator = () => createSecretMigrator({ id: 'moving', stores, metadata: metadata(), actor: { id: 'mover', type: 'service_account' } })
  const actor = { id: 'alice', type: 'user' } as const
  const expected = new Map<string, string>()
  const put = async (key: string, value: string): Promise<void> => {
    for (const account of ACCOUNTS) {
      const secrets = registry.account(account, actor)
      if (expected.has(key)) await secrets.update((await secrets.describe({ key })).id, { value })
      else await secrets.create({ key, value })
    }
    expected.set(key, value)
  }
  const expectValues = async (): Promise<void> => {
    for (const account of ACCOUNTS) {
      for (const [key, value] of expected) expect((await reader.account(account, actor).read({ key })).value.revealText()).toBe(value)
    }
  }

  for (let number = 0; number < SECRETS; number += 1) await put(`key-${number}`, `value-${number}`)
  await put('key-0', 'again')
  const there = await newMigrator()
  expect(await there.plan({ from: 'old', to: 'new' })).toMatchObject({ secrets: 2 * SECRETS, oldCopies: 0 })
  const writing = put('key-1', 'meanwhile')
  const { items, report } = await all(there.migrate({ from: 'old', to: 'new' }))
  await writing
  expect(new Set(items.map(({ outcome }) => outcome))).toEqual(new Set(['moved']))
  expect(report).toMatchObject({ outcomes: { moved: 2 * SECRETS }, left: 0 })
  await expectValues()
  expect(await there.references('old')).toEqual({ records: 0, intents: 0, tasks: expect.any(Number) })
  await registry.maintain()
  await there.close()

  // What was changed since is no old copy any more.
  await put('key-2', 'changed')
  const back = await newMigrator()
  const { report: home } = await all(back.migrate({ from: 'new', to: 'old' }))
  const { moved, returned } = home.outcomes
  expect(home.left).toBe(0)
  expect(moved + returned).toBe(2 * SECRETS)
  // Of `key-1` nobody knows which write came first.
  expect(returned).toBeGreaterThanOrEqual(2 * SECRETS - 4)
  expect(moved).toBeGreaterThanOrEqual(2)
  await expectValues()

  // Two at once: none is moved twice.
  const other = await newMigrator()
  const both = await Promise.all([all(back.migrate({ from: 'old', to: 'new' })), all(other.migrate({ from: 'old', to: 'new' }))])
  expect(both.map(run => run.report.left)).toEqual([0, 0])
  await expectValues()
  await other.close()

  const fresh = { bytes: Buffer.from('theirs'), text: true }
  await stores.new.create({ path: 'theirs/one' as NativePath, payload: fresh, labels: {}, token: '3f1d7a4e-0000-4000-8000-000000000000' }, call)
  const [account] = ACCOUNTS
  if (account === undefined) throw new Error('no account')
  const adoption = { account, store: 'new', prefix: 'theirs/' }
  expect((await all(back.adopt(adoption))).items).toMatchObject([{ outcome: 'adopted', key: 'one' }])
  expect((await all(back.adopt(adoption))).items).toMatchObject([{ outcome: 'known' }])
  expect((await reader.account(account, actor).read({ key: 'one' })).value.revealText()).toBe('theirs')

  expect(await back.dropOldCopies('old')).toBe(2 * SECRETS + moved)
  expect(await back.dropOldCopies('old')).toBe(0)
  skippedMs += 48 * HOUR_MS
  await registry.maintain({ maxItems: 10_000 })
  expect(await back.references('old')).toEqual({ records: 0, intents: 0, tasks: 0 })
  expect((await stores.old.list({ prefix: '', withLabels: false, page: undefined }, call)).items).toEqual([])
  expect((await stores.new.list({ prefix: '', withLabels: false, page: undefined }, call)).items.length).toBe(2 * SECRETS + 1)
  for (const each of ACCOUNTS) expect(await verifyAudit(registry.account(each, actor).audit())).toMatchObject({ ok: true })
  await Promise.all([back.close(), reader.close(), registry.close()])
  await Promise.all(opened.map(store => store.close()))
}
