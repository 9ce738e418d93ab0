import { crypto } from '../internal/crypto.ts'
import type { PathOwner, QueueDraft, QueueEntry, QueueTask, RepairRequest } from '../metadata.ts'
import type { AccountId, SecretId, VersionId } from '../words.ts'

/** A task with the time from which it may be claimed: when it is due, or when its claim is over. Its `claim` is empty while nobody has claimed it. */
export interface Task extends QueueEntry {
  readonly readyAt: number
}

/** For authors of metadata stores: how long a settled claim is remembered, in milliseconds, so that its holder may ask again after an unclear answer. */
export const REMEMBER_SETTLED_MS = 86_400_000

/** For authors of metadata stores: the task of a draft. `owner` is what it follows from. */
export function newTask(owner: { readonly account: AccountId; readonly secret: SecretId }, draft: QueueDraft, now: number): Task {
  const { task, store, path, version, token, delayMs = 0, claimMs } = draft
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
  }
}

/** For authors of metadata stores: the task with the caller's claim. */
export function claimedTask(task: Task, readyAt: number): Task {
  return { ...task, attempts: task.attempts + 1, claim: crypto().randomUUID(), readyAt }
}

/** For authors of metadata stores: a task as its claimant gets it. */
export function entryOfTask({ readyAt: _readyAt, ...entry }: Task): QueueEntry {
  return { ...entry, queuedAt: new Date(entry.queuedAt) }
}

/** For authors of metadata stores: whether a task destroys one of these versions of what is at its path. */
export function destroys(
  { task, version }: { readonly task: QueueTask; readonly version: VersionId | undefined },
  named: readonly VersionId[],
): boolean {
  return task === 'purge_path' || (task === 'destroy_version' && version !== undefined && named.includes(version))
}

type Named = Pick<PathOwner, 'intents' | 'tasks'> & { readonly row: Omit<NonNullable<PathOwner['row']>, 'kept'> | undefined }

/** For authors of metadata stores: whether a repair may be queued, by who names its path now. */
export function mayRepair({ task, account, secret, version }: RepairRequest, owner: Named | undefined): boolean {
  if (owner === undefined) return task === 'purge_path'
  const { row, intents, tasks } = owner
  if (task !== 'promote' || intents > 0 || tasks > 0) return false
  return row?.account === account && row.secret === secret && row.version === version
}
