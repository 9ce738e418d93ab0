import { claimedIntent } from '../metadata-support/intents.ts'
import { keptBy } from '../metadata-support/records.ts'
import { requireDrafts, requireWhole, type RequestOf } from '../metadata-support/requests.ts'
import {
  claimedTask,
  destroys,
  entryOfTask,
  isIdle,
  mayRepair,
  newTask,
  oldCopyOf,
  postponedTask,
  REMEMBER_SETTLED_MS,
  type Task,
} from '../metadata-support/tasks.ts'
import type { RepairRequest } from '../metadata-requests.ts'
import type { OldCopy, Pointer } from '../records.ts'
import type { Intent, QueueDraft, QueueEntry } from '../work.ts'
import type { AccountId, SecretId, VersionId } from '../words.ts'
import { findDone, writeAudit } from './audit.ts'
import { copyIntent, recordAtPath, type Transaction } from './state.ts'
import { owners } from './views.ts'

/** Queues tasks. Answers those that the caller has claimed with it. */
export function enqueue(
  { state, now }: Transaction,
  owner: { readonly account: AccountId; readonly secret: SecretId },
  drafts: readonly QueueDraft[],
): readonly QueueEntry[] {
  const claimed: QueueEntry[] = []
  for (const draft of drafts) {
    const task = newTask(owner, draft, now)
    state.queue.set(task.id, task)
    if (draft.claimMs !== undefined) claimed.push(entryOfTask(task))
  }
  return claimed
}

/** Whether a task will destroy what the pointer names: no row may come to point at it. */
export function isQueued({ state }: Transaction, { store, path, version }: Pointer): boolean {
  return [...state.queue.values()].some(task => task.store === store && task.path === path && destroys(task, [version]))
}

/** Takes back what would destroy the version that the pointer names. False, and nothing changed, when somebody is about to do it. */
export function cancelDestruction(transaction: Transaction, pointer: Pointer): boolean {
  const { state, now } = transaction
  const { store, path, version } = pointer
  const planned = [...state.queue.values()].filter(task => task.store === store && task.path === path && destroys(task, [version]))
  if (!planned.every(task => task.task === 'destroy_version' && isIdle(task, now))) return false
  for (const { id } of planned) state.queue.delete(id)
  return true
}

/** Takes back what would destroy an old copy that nobody has claimed yet. Undefined, and nothing changed, when there is none or another task is about to destroy it. */
export function takeOldCopy(transaction: Transaction, secret: SecretId, { store, path, version }: Pointer): OldCopy | undefined {
  const { state, now } = transaction
  const planned = [...state.queue.values()].filter(task => task.store === store && task.path === path && destroys(task, [version]))
  const copy = planned.map(oldCopyOf).find(found => found?.secret === secret && found.pointer.version === version)
  if (copy === undefined || !planned.every(task => isIdle(task, now))) return undefined
  for (const { id } of planned) state.queue.delete(id)
  return copy
}

/** Answers how many have become due by it. */
export function makeCopiesDue({ state, now }: Transaction, wanted: (copy: OldCopy) => boolean, limit: number): number {
  const early = [...state.queue.values()].filter(task => task.readyAt > now).map(task => ({ task, copy: oldCopyOf(task) }))
  const due = early.filter(({ copy }) => copy !== undefined && wanted(copy)).slice(0, limit)
  for (const { task } of due) state.queue.set(task.id, { ...task, readyAt: now })
  return due.length
}

export function claimExpiredIntents(
  { operation, state, now }: Transaction,
  { limit, leaseMs, store, intent: only }: RequestOf<'claimExpiredIntents'>,
): readonly Intent[] {
  requireWhole(operation, 'limit', limit, 1)
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const wanted = [...state.intents.values()].filter(intent => (only === undefined ? intent.store === store : intent.id === only))
  const expired = wanted.filter(({ leaseUntil }) => leaseUntil.getTime() <= now)
  const oldestFirst = expired.toSorted((a, b) => a.leaseUntil.getTime() - b.leaseUntil.getTime())
  return oldestFirst.slice(0, limit).map(intent => {
    const claimed = claimedIntent(intent, now + leaseMs)
    state.intents.set(claimed.id, claimed)
    return copyIntent(claimed)
  })
}

export function claimQueue(transaction: Transaction, { store, limit, leaseMs }: RequestOf<'claimQueue'>): readonly QueueEntry[] {
  const { operation, state, now } = transaction
  requireWhole(operation, 'limit', limit, 1)
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const claimed: QueueEntry[] = []
  const due = [...state.queue.values()].filter(entry => entry.store === store && entry.readyAt <= now)
  for (const entry of due.toSorted((a, b) => a.readyAt - b.readyAt)) {
    if (claimed.length === limit) break
    if (isRowUsing(transaction, entry)) {
      state.queue.delete(entry.id)
      continue
    }
    if (isIntentUsing(transaction, entry)) continue
    const mine = claimedTask(entry, now + leaseMs)
    state.queue.set(entry.id, mine)
    claimed.push(entryOfTask(mine))
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
      state.queue.set(id, postponedTask(entry, { state: 'retry', delayMs: 0 }, now))
      return false
    }
  }
  if (outcome.state === 'done') state.queue.delete(id)
  else state.queue.set(id, postponedTask(entry, outcome, now))
  state.settled.set(claim, now)
  enqueue(transaction, entry, drafts)
  return true
}

export function queueRepair(transaction: Transaction, request: RepairRequest): boolean {
  const { registry, account, secret, actor, token, task, store, path, version } = request
  if (findDone(transaction, account, token)?.secret === secret) return true
  const [owner] = owners(transaction, { registry, store, paths: [path] })
  if (!mayRepair(request, owner)) return false
  const key = recordAtPath(transaction, store, path)?.key
  writeAudit(transaction, { account, actor, action: 'secret.repair', outcome: 'ok', secret, key, operationId: token })
  enqueue(transaction, { account, secret }, [{ task, store, path, version }])
  return true
}

function isRowUsing(transaction: Transaction, task: Task): boolean {
  const row = recordAtPath(transaction, task.store, task.path)
  return row !== undefined && destroys(task, keptBy(row))
}

function isIntentUsing({ state }: Transaction, task: Task): boolean {
  const basesOf = ({ base }: Intent): readonly VersionId[] => (base === undefined ? [] : [base.version])
  return [...state.intents.values()].some(intent => intent.store === task.store && intent.path === task.path && destroys(task, basesOf(intent)))
}
