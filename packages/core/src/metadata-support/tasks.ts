import { crypto } from '../internal/crypto.ts'
import type { SecretErrorCode } from '../errors.ts'
import type { PathOwner, RepairRequest } from '../metadata-requests.ts'
import type { OldCopy } from '../records.ts'
import type { PendingWork, QueueDraft, QueueEntry, QueueTask } from '../work.ts'
import type { AccountId, SecretId, VersionId } from '../words.ts'
import type { RequestOf } from './requests.ts'

/** A task as it is kept. Its `claim` is empty while nobody has claimed it. */
export interface Task extends QueueEntry {
  /** From when it may be claimed: when it is due, or when its claim is over. */
  readonly readyAt: number
  /** Why it was put off. */
  readonly code: SecretErrorCode | undefined
  readonly retainedUntil: number | undefined
  /** Of an old copy. */
  readonly copy: QueueDraft['copy']
}

type Retry = Extract<RequestOf<'settleQueue'>['outcome'], { readonly state: 'retry' }>

/** For authors of metadata stores: how long a settled claim is remembered, in milliseconds, so that its holder may ask again after an unclear answer. */
export const REMEMBER_SETTLED_MS = 86_400_000

/** For authors of metadata stores: work that has been claimed so often, and is not done, and does not wait, fails again and again. */
export const FAILING_AFTER = 8

/** For authors of metadata stores: the task of a draft. `owner` is what it follows from. */
export function newTask(owner: { readonly account: AccountId; readonly secret: SecretId }, draft: QueueDraft, now: number): Task {
  const { task, store, path, version, token, delayMs = 0, claimMs, copy } = draft
  return {
    id: crypto().randomUUID(),
    task,
    account: owner.account,
    secret: owner.secret,
    store,
    path,
    version,
    token,
    attempts: claimMs === undefined ? 0 : 1,
    queuedAt: new Date(now),
    claim: claimMs === undefined ? '' : crypto().randomUUID(),
    readyAt: now + Math.max(delayMs, claimMs ?? 0),
    code: undefined,
    retainedUntil: undefined,
    copy,
  }
}

/** For authors of metadata stores: the task with the caller's claim. */
export function claimedTask(task: Task, readyAt: number): Task {
  return { ...task, attempts: task.attempts + 1, claim: crypto().randomUUID(), readyAt }
}

/** For authors of metadata stores: a task as its claimant gets it. */
export function entryOfTask({ readyAt: _readyAt, code: _code, retainedUntil: _retainedUntil, copy: _copy, ...entry }: Task): QueueEntry {
  return { ...entry, queuedAt: new Date(entry.queuedAt) }
}

/** For authors of metadata stores: the task once it is put off. What only has to wait does not fail: its attempts begin anew. */
export function postponedTask(task: Task, { delayMs, code, retainedUntil }: Retry, now: number): Task {
  const attempts = code === undefined ? 1 : task.attempts
  return { ...task, attempts, claim: '', readyAt: now + delayMs, code, retainedUntil: retainedUntil?.getTime() }
}

/** For authors of metadata stores: a task as `pending` shows it. */
export function pendingOfTask({
  id,
  task,
  account,
  secret,
  store,
  path,
  version,
  queuedAt,
  readyAt,
  attempts,
  code,
  retainedUntil,
}: Task): PendingWork {
  const times = { since: new Date(queuedAt), dueAt: new Date(readyAt) }
  const until = retainedUntil === undefined ? undefined : new Date(retainedUntil)
  return { id, task, account, secret, store, path, version, ...times, attempts, code, retainedUntil: until }
}

/** For authors of metadata stores: whether a task destroys one of these versions of what is at its path. */
export function destroys(
  { task, version }: { readonly task: QueueTask; readonly version: VersionId | undefined },
  named: readonly VersionId[],
): boolean {
  return task === 'purge_path' || (task === 'destroy_version' && version !== undefined && named.includes(version))
}

/** For authors of metadata stores: the old copy that a task is of, as long as nobody has ever claimed it. */
export function oldCopyOf({ task, secret, store, path, version, attempts, copy }: Task): OldCopy | undefined {
  if (task !== 'purge_path' || copy === undefined || version === undefined || attempts > 0) return undefined
  return { secret, pointer: { store, path, version }, ...copy }
}

/** For authors of metadata stores: whether nobody is about to do it. */
export function isIdle({ claim, readyAt }: Pick<Task, 'claim' | 'readyAt'>, now: number): boolean {
  return claim === '' || readyAt <= now
}

type Named = Pick<PathOwner, 'intents' | 'tasks' | 'destroys'> & { readonly row: Omit<NonNullable<PathOwner['row']>, 'kept' | 'adopted'> | undefined }

/** For authors of metadata stores: whether a repair may be queued, by who names its path now. */
export function mayRepair({ task, account, secret, version }: RepairRequest, owner: Named | undefined): boolean {
  if (owner === undefined) return task === 'purge_path'
  const { row, intents, tasks, destroys } = owner
  if (task !== 'promote' || intents > 0 || tasks > destroys) return false
  return row?.account === account && row.secret === secret && row.version === version
}
