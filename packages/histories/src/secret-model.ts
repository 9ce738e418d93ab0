import type { Model } from './linearizable.ts'

/** Versions that every process's registry keeps of a secret, the committed one included. */
export const KEEP_VERSIONS = 3

/**
 * A record as it was answered. Who wrote it is told by the actors, since each operation is one actor's; calls with one idempotency key
 * are one operation.
 */
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

/** A version that a record keeps. */
export interface Kept {
  /** The operation that put it; undefined when no answer tells. */
  readonly put: string | undefined
  /** The operation that committed it last, by putting it or by a rollback to it, and the revision that this made. */
  readonly by: string
  readonly revision: number
}

/** A call with an idempotency key: the one that the operation is named by. */
export interface Request {
  /** What is asked for, as one text. */
  readonly asked: string
  /** This call of perhaps several. */
  readonly call: string
  /** Of a `mismatch`: what the key has been used for before; undefined when nobody had asked for anything else by then. */
  readonly instead?: string | undefined
}

interface Operation<Kind extends string, Answer extends string> {
  readonly kind: Kind
  readonly by: string
  readonly answer: Answer
  /** The record that came with the answer. */
  readonly seen?: Seen | undefined
}

/** `of`: the record, by the operation that created it. `mismatch`: refused, since the idempotency key is another request's. */
export type SecretOperation =
  | (Operation<'create', 'done' | 'already_exists' | 'mismatch' | 'unknown'> & {
      readonly value: string
      readonly description: string
      readonly request?: Request | undefined
    })
  | (Operation<'update', 'done' | 'not_found' | 'conflict' | 'mismatch' | 'unknown'> & {
      readonly of: string
      readonly value?: string | undefined
      readonly description?: string | undefined
      readonly ifRevision?: number | undefined
      readonly request?: Request | undefined
    })
  /** To the version that the operation `to` put; undefined when no answer tells, and then it explains nothing. `gone`: not there to be committed. */
  | (Operation<'rollback', 'done' | 'not_found' | 'conflict' | 'gone' | 'unknown'> & {
      readonly of: string
      readonly to: string | undefined
      readonly ifRevision?: number | undefined
    })
  | (Operation<'delete', 'done' | 'not_found' | 'conflict' | 'unknown'> & { readonly of: string; readonly ifRevision?: number | undefined })
  /** By key, unless `of` is given. `corrupt`: the record is there and its value is not, which is never true. */
  | (Operation<'look', 'found' | 'not_found' | 'corrupt'> & { readonly of?: string | undefined })
  /** At what the record keeps, the committed one first. */
  | (Operation<'versions', 'found' | 'not_found'> & { readonly of: string; readonly kept?: readonly Kept[] | undefined })

/** `kept`: the versions, each with its value, the committed one first. */
export type Secret = Seen & { readonly kept: readonly (Kept & { readonly value: string })[] }

/** What is known of an idempotency key: what was asked for with it, and the answer, once it has taken effect. */
interface Known {
  readonly asked: string
  readonly answer?: Seen | undefined
}

/** One key of one account: at most one record at a time, and the requests that were made of it, by their idempotency keys. */
export interface State {
  readonly secret: Secret | null
  readonly requests: Readonly<Record<string, Known>>
}

type Write = Exclude<SecretOperation, { readonly kind: 'look' | 'versions' }>

export const secretModel: Model<State, SecretOperation> = {
  start: { secret: null, requests: {} },
  step: (state, operation) => (isLook(operation) ? stepLook(state, operation) : stepWrite(state, operation)),
  textOf: ({ secret, requests }) => JSON.stringify([secret, Object.entries(requests).toSorted(([a], [b]) => (a < b ? -1 : 1))]),
  // A mismatch tells what the key belongs to from then on.
  looks: operation => isLook(operation) || !['done', 'mismatch', 'unknown'].includes(operation.answer),
  unanswered: operation => (isLook(operation) ? undefined : unanswered(operation)),
}

function isLook(operation: SecretOperation): operation is Exclude<SecretOperation, Write> {
  return operation.kind === 'look' || operation.kind === 'versions'
}

function unanswered(operation: Write): Write {
  return { ...operation, answer: 'unknown', seen: undefined }
}

function stepLook(state: State, operation: Exclude<SecretOperation, Write>): State | undefined {
  const { secret } = state
  const record = operation.of === undefined || operation.of === secret?.by ? secret : null
  if (operation.answer === 'not_found') return record === null ? state : undefined
  if (record === null || operation.answer !== 'found') return undefined
  const same = operation.kind === 'look' ? isSeen(operation, record) : sameKept(operation.kept ?? [], record.kept)
  return same ? state : undefined
}

/** A write with an idempotency key is judged by what is known of that first of all; what is refused leaves nothing to know. */
function stepWrite(state: State, operation: Write): State | undefined {
  const request = 'request' in operation ? operation.request : undefined
  if (request === undefined) return operation.answer === 'mismatch' ? undefined : withSecret(state, changed(state.secret, operation))
  const { by, answer } = operation
  const { asked } = request
  const known = state.requests[by]
  if (answer === 'mismatch') {
    if (request.instead === undefined || known?.asked === asked) return undefined
    return known === undefined ? { ...state, requests: { ...state.requests, [by]: { asked: request.instead } } } : state
  }
  if (known !== undefined && known.asked !== asked) return undefined
  if (known?.answer !== undefined) return answer === 'done' && isSeen(operation, known.answer) ? state : undefined
  const after = changed(state.secret, operation)
  if (after === undefined || after === null || (answer !== 'done' && answer !== 'unknown')) return withSecret(state, after)
  const { last, revision, description } = after
  return { secret: after, requests: { ...state.requests, [by]: { asked, answer: { by: after.by, last, revision, description } } } }
}

function withSecret(state: State, secret: Secret | null | undefined): State | undefined {
  if (secret === undefined) return undefined
  return secret === state.secret ? state : { ...state, secret }
}

/** The record after a write; undefined when it cannot have answered so. One without an answer that would change nothing here is left for another moment. */
function changed(secret: Secret | null, operation: Write): Secret | null | undefined {
  const { kind, by } = operation
  if (kind === 'create') {
    if (operation.answer === 'already_exists') return secret === null ? undefined : secret
    if (secret !== null) return undefined
    const { description, value } = operation
    return ifSeen(operation, { by, last: null, revision: 1, description, value, kept: [{ put: by, by, revision: 1, value }] })
  }
  const record = operation.of === secret?.by ? secret : null
  const version = kind === 'rollback' ? record?.kept.find(({ put }) => put === operation.to && put !== undefined) : undefined
  if (operation.answer === 'not_found') return record === null || (kind === 'rollback' && version === undefined) ? secret : undefined
  if (record === null) return undefined
  const isAsked = operation.ifRevision === undefined || operation.ifRevision === record.revision
  if (operation.answer === 'conflict') return isAsked ? undefined : secret
  if (!isAsked || operation.answer === 'gone' || operation.answer === 'mismatch') return undefined
  if (kind === 'delete') return null
  const next = { ...record, last: by, revision: record.revision + 1 }
  const committed = { by, revision: next.revision }
  if (kind === 'rollback') {
    if (version === undefined) return undefined
    // It is the committed one already: nothing changes.
    if (version === record.kept[0]) return operation.answer === 'unknown' ? undefined : ifSeen(operation, record)
    const kept = [{ ...version, ...committed }, ...record.kept.filter(other => other !== version)]
    return ifSeen(operation, { ...next, value: version.value, kept })
  }
  const { value, description = record.description } = operation
  if (value === undefined) return ifSeen(operation, { ...next, description })
  const kept = [{ put: by, ...committed, value }, ...record.kept].slice(0, KEEP_VERSIONS)
  return ifSeen(operation, { ...next, description, value, kept })
}

/** The record, unless the one that came with the answer says otherwise. */
function ifSeen(operation: Write, record: Secret): Secret | undefined {
  return isSeen(operation, record) ? record : undefined
}

function isSeen({ seen }: SecretOperation, record: Seen): boolean {
  if (seen === undefined) return true
  const { by, last, revision, description, value = record.value } = seen
  return by === record.by && last === record.last && revision === record.revision && description === record.description && value === record.value
}

function sameKept(seen: readonly Kept[], kept: readonly Kept[]): boolean {
  return (
    seen.length === kept.length &&
    kept.every(({ put, by, revision }, index) => {
      const other = seen[index]
      return other !== undefined && other.put === put && other.by === by && other.revision === revision
    })
  )
}
