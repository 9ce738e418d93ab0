import { randomUUID } from 'node:crypto'
import type {
  AdoptRequest,
  BeginMigrate,
  CommitOutcome,
  Intent,
  MetadataStore,
  Pointer,
  QueueDraft,
  SecretRecord,
  StoredRecord,
} from '@strongroom/core'
import { ACCOUNT, ALICE, LEASE, newId, path, REGISTRY, ROBOT, version, type World } from './world.ts'

// The calls that cases of migrations and adoptions begin with.

/** How long an old copy is kept where a case does not say. */
export const GRACE = 3_600_000

/** A migration that has begun, and what its record was then. */
export interface Move {
  readonly intent: Intent
  readonly record: StoredRecord
}

export async function stored(world: World, { id, accountId }: SecretRecord): Promise<StoredRecord> {
  const found = await world.find(id, accountId)
  if (found === undefined) throw new Error('the record is not there')
  return found
}

/** From where the record is, to a new path of the store `second`. */
export async function migrateRequest(world: World, record: SecretRecord, more: Partial<BeginMigrate> = {}): Promise<BeginMigrate> {
  const { token = randomUUID(), from = (await stored(world, record)).pointer } = more
  const place = { store: 'second', path: path(`path-${record.id}-${token}`) }
  return { registry: REGISTRY, account: record.accountId, secret: record.id, from, actor: ROBOT, ...place, leaseMs: LEASE, ...more, token }
}

export async function beginMigrate(world: World, record: SecretRecord, more: Partial<BeginMigrate> = {}): Promise<Move> {
  const answer = await world.store.beginMigrate(await migrateRequest(world, record, more), {})
  if (answer.state !== 'begun') throw new Error('busy')
  return answer
}

type CommitMigrate = Parameters<MetadataStore['commitMigrate']>[0]

export function commitMigrate(world: World, { intent, record }: Move, more: Partial<CommitMigrate> = {}): Promise<CommitOutcome> {
  const { id, account, token, path: at } = intent
  const where = { from: record.pointer, version: version('m1'), fullPath: `full/${at}` }
  return world.store.commitMigrate({ registry: REGISTRY, intent: id, account, token, ...where, enqueue: [leave(record)], ...more }, {})
}

/** Moves the record and leaves an old copy. Answers what it is now. */
export async function migrate(world: World, record: SecretRecord, more: Partial<BeginMigrate> = {}): Promise<StoredRecord> {
  const { state } = await commitMigrate(world, await beginMigrate(world, record, more))
  if (state !== 'committed') throw new Error(state)
  return await stored(world, record)
}

/** The old copy that a record leaves behind. */
export function leave({ pointer, cloudSecretPath, versions }: StoredRecord, more: Partial<QueueDraft> = {}): QueueDraft {
  return { task: 'purge_path', ...pointer, delayMs: GRACE, copy: { cloudSecretPath, versions }, ...more }
}

type CommitReturn = Parameters<MetadataStore['commitReturn']>[0]

/** From where the record is. */
export async function returnTo(
  world: World,
  record: SecretRecord,
  to: Pointer,
  more: Partial<CommitReturn> = {},
): Promise<Awaited<ReturnType<MetadataStore['commitReturn']>>> {
  const { from = (await stored(world, record)).pointer } = more
  const request = { registry: REGISTRY, account: record.accountId, secret: record.id, from, to, actor: ROBOT, token: randomUUID(), enqueue: [] }
  return await world.store.commitReturn({ ...request, ...more }, {})
}

export function adoptRequest(more: Partial<AdoptRequest> = {}): AdoptRequest {
  const secret = more.secret ?? newId()
  const { pointer = { store: 'main', path: path(`theirs-${secret}`), version: version('t1') } } = more
  const fixed = { registry: REGISTRY, account: ACCOUNT, key: `key-${secret}`, description: null, actor: ALICE, token: randomUUID() }
  return { ...fixed, fullPath: `full/${pointer.path}`, ...more, secret, pointer }
}

export async function adopt(world: World, more: Partial<AdoptRequest> = {}): Promise<SecretRecord> {
  const answer = await world.store.adopt(adoptRequest(more), {})
  if (answer.state !== 'done') throw new Error(answer.state)
  return answer.record
}

export function oldCopies(world: World, store: string, ...records: readonly SecretRecord[]): ReturnType<MetadataStore['oldCopies']> {
  return world.store.oldCopies({ registry: REGISTRY, store, secrets: records.map(({ id }) => id) }, {})
}

export function dropOldCopies(world: World, store: string, limit: number = 100): Promise<number> {
  return world.store.dropOldCopies({ registry: REGISTRY, store, limit }, {})
}
