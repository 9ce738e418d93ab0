import type { SecretErrorCode } from '../../errors.ts'
import type { QueueTask } from '../../work.ts'
import type { AccountId, NativePath, SecretId, VersionId } from '../../words.ts'
import type { Task } from '../tasks.ts'
import { versionsOfText, versionsText } from './versions.ts'

/** For authors of metadata stores in SQL: a task of the queue as a row. Times are milliseconds since 1970. */
export interface TaskRow {
  readonly id: string
  readonly task: QueueTask
  readonly account: AccountId
  readonly secret: SecretId
  readonly store: string
  readonly path: NativePath
  readonly version: VersionId | null
  readonly token: string | null
  readonly attempts: number
  readonly queued_at: number
  readonly claim: string | null
  readonly ready_at: number
  readonly code: SecretErrorCode | null
  readonly retained_until: number | null
  /** What an old copy was, as JSON. */
  readonly copy: string | null
}

/** For authors of metadata stores in SQL: the row of a task. */
export function taskRow(task: Task): TaskRow {
  return {
    id: task.id,
    task: task.task,
    account: task.account,
    secret: task.secret,
    store: task.store,
    path: task.path,
    version: task.version ?? null,
    token: task.token ?? null,
    attempts: task.attempts,
    queued_at: task.queuedAt.getTime(),
    claim: task.claim === '' ? null : task.claim,
    ready_at: task.readyAt,
    code: task.code ?? null,
    retained_until: task.retainedUntil ?? null,
    copy: task.copy === undefined ? null : copyText(task.copy),
  }
}

/** For authors of metadata stores in SQL: the task of a row. */
export function taskOfRow(row: TaskRow): Task {
  return {
    id: row.id,
    task: row.task,
    account: row.account,
    secret: row.secret,
    store: row.store,
    path: row.path,
    version: row.version ?? undefined,
    token: row.token ?? undefined,
    attempts: row.attempts,
    queuedAt: new Date(row.queued_at),
    claim: row.claim ?? '',
    readyAt: row.ready_at,
    code: row.code ?? undefined,
    retainedUntil: row.retained_until ?? undefined,
    copy: row.copy === null ? undefined : copyOfText(row.copy),
  }
}

interface CopyText {
  readonly cloud_secret_path: string
  /** A {@link versionsText}. */
  readonly versions: string
}

function copyText({ cloudSecretPath, versions }: NonNullable<Task['copy']>): string {
  const copy: CopyText = { cloud_secret_path: cloudSecretPath, versions: versionsText(versions) }
  return JSON.stringify(copy)
}

function copyOfText(text: string): NonNullable<Task['copy']> {
  const copy = JSON.parse(text) as CopyText
  return { cloudSecretPath: copy.cloud_secret_path, versions: versionsOfText(copy.versions) }
}
