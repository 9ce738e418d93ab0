import type { Model } from './linearizable.ts'

/** A record as it was answered. Who wrote it is told by the actors, since each operation is one actor's. */
export interface Seen {
  /** The operation that created the record; a key that is created again has another record. */
  readonly by: string
  /** The operation that changed it last. */
  readonly last: string | null
  readonly revision: number
  readonly description: string | null
  /** Undefined where the value was not asked for. Each write has a value of its own. */
  readonly value?: string | undefined
}

interface Operation<Kind extends string, Answer extends string> {
  readonly kind: Kind
  readonly by: string
  readonly answer: Answer
  /** The record that came with the answer. */
  readonly seen?: Seen | undefined
}

/** `of`: the record, by the operation that created it. */
export type SecretOperation =
  | (Operation<'create', 'done' | 'already_exists' | 'unknown'> & { readonly value: string; readonly description: string })
  | (Operation<'update', 'done' | 'not_found' | 'conflict' | 'unknown'> & {
      readonly of: string
      readonly value?: string | undefined
      readonly description?: string | undefined
      readonly ifRevision?: number | undefined
    })
  | (Operation<'delete', 'done' | 'not_found' | 'conflict' | 'unknown'> & { readonly of: string; readonly ifRevision?: number | undefined })
  /** By key, unless `of` is given. `corrupt`: the record is there and its value is not, which is never true. */
  | (Operation<'look', 'found' | 'not_found' | 'corrupt'> & { readonly of?: string | undefined })

export type Secret = Required<Seen> & { readonly value: string }

/** One key of one account: at most one record at a time. */
export const secretModel: Model<Secret | null, SecretOperation> = {
  start: null,
  step,
  textOf: state => (state === null ? '' : [state.by, state.last, state.revision, state.description, state.value].join(' ')),
  looks: ({ kind, answer }) => kind === 'look' || (answer !== 'done' && answer !== 'unknown'),
  unanswered: operation => (operation.kind === 'look' ? undefined : { ...operation, answer: 'unknown', seen: undefined }),
}

/** One without an answer that would change nothing here is left for another moment. */
function step(state: Secret | null, operation: SecretOperation): Secret | null | undefined {
  const { kind, by } = operation
  if (kind === 'create') {
    if (operation.answer === 'already_exists') return state === null ? undefined : state
    const { description, value } = operation
    return state === null ? ifSeen(operation, { by, last: null, revision: 1, description, value }) : undefined
  }
  const record = operation.of === undefined || operation.of === state?.by ? state : null
  if (operation.answer === 'not_found') return record === null ? state : undefined
  if (record === null) return undefined
  if (kind === 'look') return operation.answer === 'found' ? ifSeen(operation, record) : undefined
  const isAsked = operation.ifRevision === undefined || operation.ifRevision === record.revision
  if (operation.answer === 'conflict') return isAsked ? undefined : state
  if (!isAsked) return undefined
  if (kind === 'delete') return null
  const { value = record.value, description = record.description } = operation
  return ifSeen(operation, { ...record, last: by, revision: record.revision + 1, description, value })
}

/** The state, unless the record that came with the answer says otherwise. */
function ifSeen({ seen }: SecretOperation, state: Secret): Secret | undefined {
  if (seen === undefined) return state
  const { by, last, revision, description, value = state.value } = seen
  const same = by === state.by && last === state.last && revision === state.revision && description === state.description && value === state.value
  return same ? state : undefined
}
