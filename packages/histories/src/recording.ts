import type { Interval } from './linearizable.ts'
import { isUnknown, isWrite, type Answer, type Call, type Version, type Wish, type Write } from './messages.ts'
import type { Kept, Request, SecretOperation, Seen } from './secret-model.ts'

/** Calls and answers as they were told, of one account. */
export interface Recorded {
  readonly call: Call
  /** Undefined when there is none: the process was killed. */
  readonly answered?: { readonly at: number; readonly answer: Answer } | undefined
}

/** The histories of one account, a key each. */
export function historiesOf(recorded: readonly Recorded[], keys: readonly string[]): ReadonlyMap<string, readonly Interval<SecretOperation>[]> {
  const names: Names = { creatorOf: creatorsOf(recorded), putOf: putsOf(recorded), insteadOf: othersOf(recorded) }
  return new Map(keys.map(key => [key, recorded.flatMap(one => intervalsOf(one, key, names))]))
}

/** What only all that was recorded tells. */
interface Names {
  /** The operation that created a record, by the record's id. */
  readonly creatorOf: (id: string) => string
  /** The operation that put a version, by the record's id and the version's name. */
  readonly putOf: (id: string, version: string) => string | undefined
  /** What somebody had asked for with the idempotency key of a request, other than that one, before the moment. */
  readonly insteadOf: (wish: Write, until: number) => string | undefined
}

/** A client knows an id only from a record that it has seen. */
function creatorsOf(recorded: readonly Recorded[]): Names['creatorOf'] {
  const creators = new Map<string, string>()
  for (const { answered } of recorded) {
    if (answered?.answer.state !== 'done') continue
    const { id, seen } = answered.answer
    if (id !== undefined && seen !== undefined) creators.set(id, seen.by)
  }
  return id => {
    const creator = creators.get(id)
    if (creator === undefined) throw new Error('an operation on a record that nobody has seen')
    return creator
  }
}

/** Whoever has seen a version for the first time has seen who put it, since only a rollback to it changes that, and needs its name. */
function putsOf(recorded: readonly Recorded[]): Names['putOf'] {
  const putters = new Set(recorded.flatMap(({ call: { by, wish } }) => (isPut(wish) ? [wish.request ?? by] : [])))
  const puts = new Map<string, string>()
  for (const { call, answered } of recorded) {
    if (call.wish.kind !== 'versions' || answered?.answer.state !== 'kept') continue
    for (const { version, by } of answered.answer.versions) {
      const name = `${call.wish.id} ${version}`
      if (putters.has(by) && !puts.has(name)) puts.set(name, by)
    }
  }
  return (id, version) => puts.get(`${id} ${version}`)
}

function isPut(wish: Wish): wish is Extract<Wish, { readonly kind: 'create' | 'update' }> {
  return wish.kind === 'create' || (wish.kind === 'update' && wish.value !== undefined)
}

function othersOf(recorded: readonly Recorded[]): Names['insteadOf'] {
  return (wish, until) => {
    const other = recorded.find(
      ({ call }) => call.at < until && isWrite(call.wish) && requestOf(call.wish) === requestOf(wish) && textOf(call.wish) !== textOf(wish),
    )
    return other === undefined ? undefined : textOf(other.call.wish)
  }
}

function requestOf(wish: Write): string | undefined {
  return wish.kind === 'create' || wish.kind === 'update' ? wish.request : undefined
}

/** Of what is asked for: the same for two calls that ask for the same. */
function textOf(wish: Wish): string {
  const parts = Object.entries(wish).filter(([, part]) => part !== undefined)
  return JSON.stringify(parts.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function intervalsOf({ call: called, answered }: Recorded, key: string, names: Names): readonly Interval<SecretOperation>[] {
  const { at: call, wish } = called
  if (wish.kind !== 'list' && called.key !== key) return []
  const end = answered?.at
  const answer = answered?.answer
  if (isWrite(wish)) {
    const told = answer === undefined || isUnknown(answer) ? 'unknown' : toldOf(wish, answer)
    if (told === undefined) return []
    const operation = writeOf(called, wish, told, end ?? 0, names)
    if (told !== 'done') return [{ operation, call, end: told === 'unknown' ? undefined : end }]
    const seen = answer?.state === 'done' ? withoutValue(answer.seen) : undefined
    const { by } = operation
    // With an idempotency key the answer is the record as it was committed, whoever asks and when.
    if (seen === undefined || by === (seen.last ?? seen.by) || requestOf(wish) !== undefined)
      return [{ operation: { ...operation, seen }, call, end }]
    // A commit that recovery made, or that was repeated, is answered with the record as it is by then: the write, and a look. So is a
    // rollback to the committed version.
    const look: SecretOperation = { kind: 'look', by, of: seen.by, answer: 'found', seen }
    return [
      { operation, call, end },
      { operation: look, call, end },
    ]
  }
  const look = answer === undefined || isUnknown(answer) ? undefined : lookOf(called, key, answer, names)
  return look === undefined ? [] : [{ operation: look, call, end }]
}

type Told = 'done' | 'already_exists' | 'not_found' | 'conflict' | 'mismatch' | 'gone'

/** What an answer says of the key's record; undefined when the write had no effect and the answer says no more. */
function toldOf({ kind }: Write, answer: Answer): Told | undefined {
  if (answer.state !== 'failed') return 'done'
  const { code, retryable, by } = answer
  if (kind === 'rollback' && (code === 'version_unusable' || code === 'corrupt')) return 'gone'
  if (by === 'store') return undefined
  if (code === 'idempotency_mismatch') return 'mismatch'
  if (kind === 'create') return code === 'already_exists' ? code : undefined
  // One that may be tried again is another write under way, and says nothing of the revision.
  return code === 'not_found' || (code === 'conflict' && !retryable) ? code : undefined
}

type WriteOperation = Exclude<SecretOperation, { readonly kind: 'look' | 'versions' }>

function writeOf({ by: call }: Call, wish: Write, answer: string, end: number, names: Names): WriteOperation {
  const { creatorOf, putOf, insteadOf } = names
  const by = requestOf(wish) ?? call
  if (wish.kind === 'rollback') {
    const { kind, id, version, ifRevision } = wish
    return { kind, by, of: creatorOf(id), to: putOf(id, version), ifRevision, answer } as WriteOperation
  }
  const asked: Request = { asked: textOf(wish), call, instead: answer === 'mismatch' ? insteadOf(wish, end) : undefined }
  const request = requestOf(wish) === undefined ? undefined : asked
  if (wish.kind === 'create') return { ...wish, by, request, answer } as WriteOperation
  const { id, ...what } = wish
  return { ...what, by, of: creatorOf(id), request, answer } as WriteOperation
}

function lookOf({ by, wish }: Call, key: string, answer: Answer, { creatorOf, putOf }: Names): SecretOperation | undefined {
  if (wish.kind === 'versions') {
    const look = { kind: 'versions', by, of: creatorOf(wish.id) } as const
    if (answer.state === 'kept') return { ...look, answer: 'found', kept: answer.versions.map(keptOf(version => putOf(wish.id, version))) }
    return answer.state === 'failed' && answer.code === 'not_found' ? { ...look, answer: 'not_found' } : undefined
  }
  const of = wish.kind === 'read' || wish.kind === 'describe' ? { of: creatorOf(wish.id) } : {}
  const look = { kind: 'look', by, ...of } as const
  if (answer.state === 'failed') {
    const { code } = answer
    if (code === 'corrupt' || code === 'version_unusable') return { ...look, answer: 'corrupt' }
    return code === 'not_found' ? { ...look, answer: 'not_found' } : undefined
  }
  if (answer.state === 'kept') return undefined
  const seen = answer.state === 'listed' ? answer.seen[key] : answer.seen
  return seen === undefined ? { ...look, answer: 'not_found' } : { ...look, answer: 'found', seen }
}

/** The first is the committed one, and no other: else nothing explains it. */
function keptOf(putOf: (version: string) => string | undefined) {
  return ({ version, by, revision, committed }: Version, index: number): Kept => ({
    put: committed === (index === 0) ? putOf(version) : undefined,
    by,
    revision,
  })
}

function withoutValue(seen: Seen | undefined): Seen | undefined {
  if (seen === undefined) return undefined
  const { value: _value, ...record } = seen
  return record
}
