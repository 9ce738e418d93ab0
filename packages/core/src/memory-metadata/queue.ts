import { crypto } from '../internal/crypto.ts'
import type { Intent, Pointer, QueueDraft, QueueEntry } from '../metadata.ts'
import type { AccountId, SecretId } from '../words.ts'
import { copyEntry, copyIntent, recordAtPath, requireDrafts, requireWhole, type RequestOf, type Task, type Transaction } from './state.ts'

/** How long a settled claim is remembered, so that its holder may ask again after an unclear answer. */
const REMEMBER_SETTLED_MS = 86_400_000

/** Queues tasks. Answers those that the caller has claimed with it. */
export function enqueue(
  { state, now }: Transaction,
  { account, secret }: { readonly account: AccountId; readonly secret: SecretId },
  drafts: readonly QueueDraft[],
): readonly QueueEntry[] {
  const claimed: QueueEntry[] = []
  for (const { task, store, path, version, token, delayMs = 0, claimMs } of drafts) {
    const entry: Task = {
      id: crypto().randomUUID(),
      task,
      account,
      secret,
      store,
      path,
      version,
      token,
      attempts: claimMs === undefined ? 0 : 1,
      queuedAt: new Date(now),
      claim: claimMs === undefined ? '' : crypto().randomUUID(),
      readyAt: now + Math.max(delayMs, claimMs ?? 0),
    }
    state.queue.set(entry.id, entry)
    if (claimMs !== undefined) claimed.push(copyEntry(entry))
  }
  return claimed
}

/** Whether a task will destroy what the pointer names: no row may come to point at it. */
export function isQueued({ state }: Transaction, { store, path, version }: Pointer): boolean {
  return [...state.queue.values()].some(
    entry =>
      entry.store === store &&
      entry.path === path &&
      (entry.task === 'purge_path' || (entry.task === 'destroy_version' && entry.version === version)),
  )
}

export function claimExpiredIntents(
  { operation, state, now }: Transaction,
  { limit, leaseMs, intent: only }: RequestOf<'claimExpiredIntents'>,
): readonly Intent[] {
  requireWhole(operation, 'limit', limit, 1)
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const expired = [...state.intents.values()].filter(({ id, leaseUntil }) => leaseUntil.getTime() <= now && (only === undefined || id === only))
  const oldestFirst = expired.toSorted((a, b) => a.leaseUntil.getTime() - b.leaseUntil.getTime())
  return oldestFirst.slice(0, limit).map(intent => {
    const claimed = { ...intent, leaseUntil: new Date(now + leaseMs), recoveries: intent.recoveries + 1 }
    state.intents.set(claimed.id, claimed)
    return copyIntent(claimed)
  })
}

export function claimQueue(transaction: Transaction, { limit, leaseMs }: RequestOf<'claimQueue'>): readonly QueueEntry[] {
  const { operation, state, now } = transaction
  requireWhole(operation, 'limit', limit, 1)
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const claimed: QueueEntry[] = []
  for (const entry of state.queue.values()) {
    if (claimed.length === limit) break
    if (entry.readyAt > now) continue
    if (isRowUsing(transaction, entry)) {
      state.queue.delete(entry.id)
      continue
    }
    if (isIntentUsing(transaction, entry)) continue
    const mine = { ...entry, attempts: entry.attempts + 1, claim: crypto().randomUUID(), readyAt: now + leaseMs }
    state.queue.set(entry.id, mine)
    claimed.push(copyEntry(mine))
  }
  return claimed
}

export function settleQueue(transaction: Transaction, { id, claim, outcome, enqueue: drafts }: RequestOf<'settleQueue'>): boolean {
  const { operation, state, now } = transaction
  requireDrafts(operation, drafts)
  if (outcome.state === 'retry') requireWhole(operation, 'delayMs', outcome.delayMs, 0)
  for (const [old, at] of state.settled) if (at < now - REMEMBER_SETTLED_MS) state.settled.delete(old)
  const entry = state.queue.get(id)
  if (claim === '' || entry?.claim !== claim) return state.settled.has(claim)
  if (outcome.state === 'done' && outcome.ifPointer !== undefined) {
    const row = recordAtPath(transaction, entry.store, entry.path)
    if (row?.pointer.version !== outcome.ifPointer) {
      state.queue.set(id, { ...entry, claim: '', readyAt: now })
      return false
    }
  }
  if (outcome.state === 'done') state.queue.delete(id)
  else state.queue.set(id, { ...entry, claim: '', readyAt: now + outcome.delayMs })
  state.settled.set(claim, now)
  enqueue(transaction, entry, drafts)
  return true
}

function isRowUsing(transaction: Transaction, { task, store, path, version }: Task): boolean {
  const row = recordAtPath(transaction, store, path)
  if (row === undefined) return false
  return task === 'purge_path' || (task === 'destroy_version' && row.pointer.version === version)
}

function isIntentUsing({ state }: Transaction, { task, store, path, version }: Task): boolean {
  return [...state.intents.values()].some(
    intent =>
      intent.store === store &&
      intent.path === path &&
      (task === 'purge_path' || (task === 'destroy_version' && intent.base !== undefined && intent.base.version === version)),
  )
}
