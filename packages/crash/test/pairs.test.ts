import {
  accountId,
  createSecretMigrator,
  createSecretReader,
  createSecretRegistry,
  memoryDriver,
  memoryMetadata,
  unsafeAllowEveryone,
  type Migration,
  type MigrationReport,
  type SecretDriver,
} from '@strongroom/core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { backends } from '../src/backends/index.ts'
import type { Running } from '../src/backends/backend.ts'

// Every backend's secrets to every other: text and bytes, the smallest and the largest that all of them take, both ways.

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const ACCOUNT = accountId('acc-1')
const OPERATOR = { id: 'operator', type: 'user' } as const
const POLICY = { limits: 'native' } as const
/** What every cloud takes: see the policy's `limits`. */
const MOST = { text: 25_000, binary: 18_750 } as const

const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index)
const VALUES: Readonly<Record<string, string | Uint8Array>> = {
  'one-character': 'x',
  'one-byte': Uint8Array.of(0),
  'every-byte': everyByte,
  'bytes-that-are-text': new TextEncoder().encode('only text'),
  'json-in-text': '{"value":"\\u0000","binary":"AA=="}',
  'text-of-all-planes': 'é漢字🔐\u0001\r\n\ttext ',
  'base64-in-text': Buffer.from(everyByte).toString('base64'),
  'largest-text': 'é'.repeat(MOST.text / 2),
  'largest-binary': Uint8Array.from({ length: MOST.binary }, (_, index) => (index * 7 + 128) % 256),
}
const bytesOf = (value: string | Uint8Array): Uint8Array => (typeof value === 'string' ? new TextEncoder().encode(value) : value)

const names = ['memory', ...backends.map(({ name }) => name)]
const usable = names.filter(name => backends.find(backend => backend.name === name)?.missing?.() === undefined)
const running = new Map<string, Running>()

beforeAll(async () => {
  await Promise.all(backends.filter(({ name }) => usable.includes(name)).map(async ({ name, start }) => running.set(name, await start())))
})
afterAll(async () => {
  await Promise.all([...running.values()].map(async ({ stop }) => await stop()))
})

function driverOf(name: string): SecretDriver {
  const backend = backends.find(one => one.name === name)
  return backend === undefined ? memoryDriver({ name: 'pairs' }) : backend.driver(running.get(name)?.config)
}

async function migrated(run: AsyncGenerator<Migration, MigrationReport>): Promise<MigrationReport & { readonly stayed: readonly Migration[] }> {
  const stayed: Migration[] = []
  for (;;) {
    const step = await run.next()
    if (step.done === true) return { ...step.value, stayed }
    if (step.value.code !== undefined) stayed.push(step.value)
  }
}

const pairs = usable.flatMap((from, index) => usable.slice(index + 1).map(to => [from, to] as const))

describe.each(pairs)('%s and %s', (from, to) => {
  it('give each other every value, byte by byte, and keep nothing of it', async () => {
    const id = `pair-${crypto.randomUUID().slice(0, 8)}`
    const metadata = memoryMetadata()
    const stores = { [from]: driverOf(from), [to]: driverOf(to) }
    const shared = { id, metadata, stores, policy: POLICY }
    await using registry = await createSecretRegistry({ ...shared, writeTo: from, authorize: unsafeAllowEveryone })
    await using reader = await createSecretReader({ id, metadata, stores, authorize: unsafeAllowEveryone })
    await using migrator = await createSecretMigrator({ ...shared, actor: OPERATOR })
    const secrets = registry.account(ACCOUNT, OPERATOR)
    for (const [key, value] of Object.entries(VALUES)) {
      const made = await secrets.create({ key, value: 'the one before' })
      await secrets.update(made.id, { value })
    }
    const check = async (): Promise<void> => {
      for (const [key, value] of Object.entries(VALUES)) {
        const read = await reader.account(ACCOUNT, OPERATOR).read({ key })
        expect(read.value.equals(bytesOf(value)), key).toBe(true)
      }
    }
    const count = Object.keys(VALUES).length
    for (const [source, target] of [
      [from, to],
      [to, from],
      [from, to],
    ] as const) {
      expect(await migrated(migrator.migrate({ from: source, to: target, graceMs: 0, concurrency: 4 }))).toMatchObject({
        outcomes: { moved: count },
        stayed: [],
        left: 0,
      })
      await check()
      await vi.waitFor(async () => {
        for (const { advance } of running.values()) advance(5000)
        await registry.maintain({ maxItems: 1000 })
        expect(await migrator.references(source)).toEqual({ records: 0, intents: 0, tasks: 0 })
      }, 60_000)
      await check()
      const left = await running.get(source)?.look(id)
      expect(left?.filter(({ versions }) => versions.some(({ served }) => served)) ?? []).toEqual([])
    }
  })
})

const larger = (from: string, to: string): boolean => driverOf(from).capabilities.maxValueBytes.text > driverOf(to).capabilities.maxValueBytes.text

describe('what the target does not take', () => {
  it('is told before anything moves, wherever the source takes more', async () => {
    for (const [from, to] of usable
      .flatMap(one => usable.map(other => [one, other] as const))
      .filter(([one, other]) => one !== other && larger(one, other))) {
      const id = `large-${crypto.randomUUID().slice(0, 8)}`
      const metadata = memoryMetadata()
      const stores = { [from]: driverOf(from), [to]: driverOf(to) }
      const shared = { id, metadata, stores, policy: POLICY }
      await using registry = await createSecretRegistry({ ...shared, writeTo: from, authorize: unsafeAllowEveryone })
      await using migrator = await createSecretMigrator({ ...shared, actor: OPERATOR })
      const secrets = registry.account(ACCOUNT, OPERATOR)
      const { text } = driverOf(to).capabilities.maxValueBytes
      await secrets.create({ key: 'fits', value: 'x'.repeat(text) })
      await secrets.create({ key: 'too-large', value: 'x'.repeat(text + 1) })
      expect((await migrator.plan({ from, to })).unfit, `${from} to ${to}`).toMatchObject([{ key: 'too-large', code: 'too_large' }])
      await expect(migrated(migrator.migrate({ from, to }))).rejects.toMatchObject({ code: 'too_large', store: to })
      expect((await running.get(to)?.look(id)) ?? []).toEqual([])
      expect(await migrated(migrator.migrate({ from, to, skipUnfit: true }))).toMatchObject({ outcomes: { moved: 1, unfit: 1 }, left: 1 })
    }
  })
})
