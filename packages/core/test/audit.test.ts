import {
  accountId,
  AUDIT_GENESIS,
  auditHash,
  verifyAudit,
  type Action,
  type AuditEntry,
  type Authorize,
  type SecretId,
  type VersionId,
} from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { ACCOUNT, ACTOR, POLICY, RegistryWorld } from './support/registry-world.ts'
import { failureOf, fails, lost } from './support/scripted.ts'
import { tracked } from './support/tracked.ts'

const ID = '0198a000-0000-7000-8000-000000000000' as SecretId
const MARKER = 'marker-7f3e'

/** Every path of registry and reader. */
const PATHS: Readonly<Record<string, { readonly action: Action; readonly act: (world: RegistryWorld, authorize: Authorize) => Promise<unknown> }>> = {
  create: { action: 'secret.create', act: async (world, authorize) => (await world.secrets({ authorize })).create({ key: 'k', value: MARKER }) },
  list: { action: 'secret.list', act: async (world, authorize) => (await world.secrets({ authorize })).list() },
  describe: { action: 'secret.describe', act: async (world, authorize) => (await world.secrets({ authorize })).describe(ID) },
  'update of the value': {
    action: 'secret.update',
    act: async (world, authorize) => (await world.secrets({ authorize })).update(ID, { value: MARKER }),
  },
  'update of the description': {
    action: 'secret.update',
    act: async (world, authorize) => (await world.secrets({ authorize })).update(ID, { description: 'd' }),
  },
  versions: { action: 'secret.versions', act: async (world, authorize) => (await world.secrets({ authorize })).versions(ID) },
  rollback: { action: 'secret.rollback', act: async (world, authorize) => (await world.secrets({ authorize })).rollback(ID, '1' as VersionId) },
  delete: { action: 'secret.delete', act: async (world, authorize) => (await world.secrets({ authorize })).delete(ID) },
  audit: { action: 'audit.read', act: async (world, authorize) => Array.fromAsync((await world.secrets({ authorize })).audit()) },
  'read by id': {
    action: 'secret.read_value',
    act: async (world, authorize) => (await world.reader(authorize)).account(ACCOUNT, ACTOR).read({ id: ID }),
  },
  'read by key': {
    action: 'secret.read_value',
    act: async (world, authorize) => (await world.reader(authorize)).account(ACCOUNT, ACTOR).read({ key: 'k' }),
  },
}
const REFUSALS: readonly (readonly [string, Authorize, string, string])[] = [
  ['false', async () => false, 'permission_denied', 'denied'],
  ['undefined', (async () => undefined) as never, 'permission_denied', 'denied'],
  ['1', (async () => 1) as never, 'permission_denied', 'denied'],
  ['the word true', (async () => 'true') as never, 'permission_denied', 'denied'],
  ['a rejection', () => Promise.reject(new Error(MARKER)), 'unavailable', 'failed'],
  [
    'a throw',
    () => {
      throw new Error(MARKER)
    },
    'unavailable',
    'failed',
  ],
  ['nothing, ever', () => new Promise(() => {}), 'deadline_exceeded', 'failed'],
]

describe.each(Object.entries(PATHS))('%s', (_, { action, act }) => {
  it.each(REFUSALS)('is refused when authorize answers %s: recorded, and nothing else happens', async (_title, authorize, code, outcome) => {
    const world = new RegistryWorld()
    const touched: string[] = []
    const metadata = tracked(
      'metadata',
      world.metadata,
      async (step, call) => {
        if (step.method !== 'bindStores') touched.push(step.method)
        return await call()
      },
      { next: 0 },
    )
    Object.defineProperty(world, 'metadata', { value: metadata })
    const error = await failureOf(act(world, authorize))
    expect(error).toMatchObject({ code, effect: 'none' })
    expect(String(error)).not.toContain(MARKER)
    expect(touched, 'something was looked up').toEqual(['appendAudit'])
    expect(world.cloud.methods).toEqual([])
    const trail = await world.trail()
    expect(trail).toMatchObject([{ action, outcome, code, actor: ACTOR, account: ACCOUNT, sequence: 1 }])
    expect(await verifyAudit(trail)).toMatchObject({ ok: true })
  })

  it('is asked with who, what and which, before any lookup', async () => {
    const world = new RegistryWorld()
    const asked: unknown[] = []
    await act(world, async request => (asked.push(request), true)).catch(() => {})
    expect(asked).toMatchObject([{ action, account: ACCOUNT, actor: ACTOR }])
    expect(JSON.stringify(asked)).not.toContain(MARKER)
  })
})

/** Entries of every outcome. */
async function trail(): Promise<readonly AuditEntry[]> {
  const world = new RegistryWorld()
  let allow = true
  const secrets = await world.secrets({ authorize: async () => allow, policy: { ...POLICY, attempts: 1 } })
  const { id } = await secrets.create({ key: 'k', value: MARKER })
  await secrets.update(id, { value: MARKER, description: 'd' })
  await secrets.list()
  await (await world.values()).read({ key: 'k' })
  await failureOf(secrets.describe(ID))
  await failureOf(secrets.create({ key: 'k', value: MARKER }))
  world.cloud.on('create', fails({ code: 'quota_exceeded', retryable: false }), lost())
  await failureOf(secrets.create({ key: 'other', value: MARKER }))
  await failureOf(secrets.create({ key: 'third', value: MARKER }))
  allow = false
  await failureOf(secrets.delete(id))
  allow = true
  await secrets.delete(id)
  await Array.fromAsync(secrets.audit())
  return await world.trail()
}

describe('the trail', () => {
  it('has an entry of each attempt, with what came of it', async () => {
    const entries = await trail()
    expect(entries.map(({ action, outcome, code }) => [action, outcome, code].filter(Boolean).join(' '))).toEqual([
      'secret.create ok',
      'secret.update ok',
      'secret.list ok',
      'secret.read_value ok',
      'secret.describe failed not_found',
      'secret.create failed already_exists',
      'secret.create failed quota_exceeded',
      'secret.create unknown unavailable',
      'secret.delete denied permission_denied',
      'secret.delete ok',
      'audit.read ok',
    ])
    expect(await verifyAudit(entries)).toEqual({ ok: true, entries: entries.length, lastHash: entries.at(-1)?.hash })
    expect(JSON.stringify(entries)).not.toContain(MARKER)
  })

  it('an unknown write has its end recorded once recovery has settled it, under the same operation id', async () => {
    const world = new RegistryWorld()
    const registry = await world.registry({ policy: { ...POLICY, attempts: 1 } })
    world.cloud.on('create', lost())
    await failureOf(registry.account(ACCOUNT, ACTOR).create({ key: 'k', value: 'v' }))
    world.now += 1_001
    await registry.maintain()
    const entries = await world.trail()
    expect(entries.map(({ outcome, code }) => `${outcome} ${code}`)).toEqual(['unknown unavailable', 'failed deadline_exceeded'])
    expect(new Set(entries.map(({ operationId }) => operationId)).size).toBe(1)
  })

  it('is each account’s own', async () => {
    const world = new RegistryWorld()
    const registry = await world.registry()
    await registry.account(accountId('acc-2'), ACTOR).list()
    expect(await Array.fromAsync(registry.account(ACCOUNT, ACTOR).audit())).toMatchObject([
      { sequence: 1, action: 'audit.read', previousHash: AUDIT_GENESIS },
    ])
  })

  it('goes on after a sequence, over more than a page', async () => {
    const world = new RegistryWorld()
    const secrets = await world.secrets()
    for (let index = 0; index < 505; index += 1) await secrets.list()
    const all = await Array.fromAsync(secrets.audit())
    expect(all).toHaveLength(506)
    expect(await verifyAudit(all)).toMatchObject({ ok: true })
    expect((await Array.fromAsync(secrets.audit({ after: 500 })))[0]?.sequence).toBe(501)
  })
})

describe('verifyAudit', () => {
  const FIELDS: Readonly<Record<keyof AuditEntry, (entry: AuditEntry) => Partial<AuditEntry>>> = {
    account: () => ({ account: accountId('acc-2') }),
    actor: ({ actor }) => ({ actor: { ...actor, id: 'someone' } }),
    action: () => ({ action: 'secret.migrate' }),
    outcome: () => ({ outcome: 'some' as never }),
    code: ({ code }) => ({ code: code === 'conflict' ? undefined : 'conflict' }),
    secret: () => ({ secret: 'another' as SecretId }),
    key: () => ({ key: 'another' }),
    operationId: () => ({ operationId: 'another' }),
    sequence: ({ sequence }) => ({ sequence: sequence + 1 }),
    at: ({ at }) => ({ at: new Date(at.getTime() + 1) }),
    previousHash: () => ({ previousHash: 'f'.repeat(64) }),
    hash: () => ({ hash: 'f'.repeat(64) }),
  }
  it.each(Object.entries(FIELDS))('finds a changed %s in any entry', async (_, change) => {
    const entries = await trail()
    for (const [index, entry] of entries.entries()) {
      const verdict = await verifyAudit(entries.with(index, { ...entry, ...change(entry) }))
      expect(verdict).toMatchObject({ ok: false, sequence: index + 1 })
    }
  })

  it('finds another type of actor', async () => {
    const [first] = await trail()
    if (first === undefined) throw new Error('no entry')
    expect(await verifyAudit([{ ...first, actor: { id: first.actor.id, type: 'service_account' } }])).toMatchObject({ ok: false, problem: 'hash' })
  })

  it('finds an entry that is gone, doubled, swapped or put in', async () => {
    const entries = await trail()
    for (let index = 0; index < entries.length - 1; index += 1) {
      const [one, two] = [entries[index], entries[index + 1]] as [AuditEntry, AuditEntry]
      expect(await verifyAudit(entries.toSpliced(index, 1)), 'gone').toMatchObject({ ok: false })
      expect(await verifyAudit(entries.toSpliced(index, 0, one)), 'doubled').toMatchObject({ ok: false })
      expect(await verifyAudit(entries.toSpliced(index, 2, two, one)), 'swapped').toMatchObject({ ok: false })
      const renumbered = entries.toSpliced(index, 1).map((entry, at) => ({ ...entry, sequence: at + 1 }))
      expect(await verifyAudit(renumbered), 'gone and renumbered').toMatchObject({ ok: false })
    }
  })

  it('finds a changed entry whose own hash was made again', async () => {
    const entries = await trail()
    const [first] = entries
    if (first === undefined) throw new Error('no entry')
    const forged = { ...first, key: 'forged' }
    expect(await verifyAudit(entries.with(0, { ...forged, hash: auditHash(forged) }))).toEqual({ ok: false, sequence: 2, problem: 'chain' })
  })

  it('an empty trail is whole', async () => {
    expect(await verifyAudit([])).toEqual({ ok: true, entries: 0, lastHash: AUDIT_GENESIS })
  })
})
