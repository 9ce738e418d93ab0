import type { Interval } from './linearizable.ts'
import type { Answer, Call, Wish } from './messages.ts'
import type { SecretOperation, Seen } from './secret-model.ts'

/** Calls and answers as they were told, of one account. */
export interface Recorded {
  readonly call: Call
  /** Undefined when there is none: the process was killed. */
  readonly answered?: { readonly at: number; readonly answer: Answer } | undefined
}

/** The histories of one account, a key each. */
export function historiesOf(recorded: readonly Recorded[], keys: readonly string[]): ReadonlyMap<string, readonly Interval<SecretOperation>[]> {
  const creators = creatorsOf(recorded)
  return new Map(keys.map(key => [key, recorded.flatMap(one => intervalsOf(one, key, creators))]))
}

/** The operation that created each record, by the record's id. A client knows an id only from a record that it has seen. */
function creatorsOf(recorded: readonly Recorded[]): (id: string) => string {
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

function intervalsOf({ call: called, answered }: Recorded, key: string, creatorOf: (id: string) => string): readonly Interval<SecretOperation>[] {
  const { by, at: call, wish } = called
  if (wish.kind !== 'list' && called.key !== key) return []
  const end = answered?.at
  const answer = answered?.answer
  const open = answer === undefined || (answer.state === 'failed' && answer.effect === 'unknown')
  if (wish.kind === 'create' || wish.kind === 'update' || wish.kind === 'delete') {
    const told = open ? 'unknown' : toldOf(wish, answer)
    if (told === undefined) return []
    const operation = writeOf(by, wish, told, creatorOf)
    if (told !== 'done') return [{ operation, call, end: told === 'unknown' ? undefined : end }]
    const seen = answer?.state === 'done' ? answer.seen : undefined
    if (seen === undefined || by === (seen.last ?? seen.by)) return [{ operation: { ...operation, seen: withoutValue(seen) }, call, end }]
    // A commit that recovery made, or that was repeated, is answered with the record as it is by then: the write, and a look.
    const look: SecretOperation = { kind: 'look', by, of: seen.by, answer: 'found', seen: withoutValue(seen) }
    return [
      { operation, call, end },
      { operation: look, call, end },
    ]
  }
  const look = open ? undefined : lookOf(by, wish, key, answer, creatorOf)
  return look === undefined ? [] : [{ operation: look, call, end }]
}

/** What an answer says of the key's record; undefined when the write had no effect and the answer says no more. */
function toldOf(wish: Wish, answer: Answer): 'done' | 'already_exists' | 'not_found' | 'conflict' | undefined {
  if (answer.state !== 'failed') return 'done'
  const { code, retryable, by } = answer
  if (by === 'store') return undefined
  if (wish.kind === 'create') return code === 'already_exists' ? code : undefined
  // One that may be tried again is another write under way, and says nothing of the revision.
  return code === 'not_found' || (code === 'conflict' && !retryable) ? code : undefined
}

type Write = Exclude<SecretOperation, { readonly kind: 'look' }>

function writeOf(by: string, wish: Wish, answer: string, creatorOf: (id: string) => string): Write {
  const { kind } = wish
  if (kind === 'update' || kind === 'delete') {
    const { id, ...rest } = wish
    return { ...rest, by, of: creatorOf(id), answer } as Write
  }
  return { ...wish, by, answer } as Write
}

function lookOf(by: string, wish: Wish, key: string, answer: Answer, creatorOf: (id: string) => string): SecretOperation | undefined {
  const of = wish.kind === 'read' || wish.kind === 'describe' ? { of: creatorOf(wish.id) } : {}
  const look = { kind: 'look', by, ...of } as const
  if (answer.state === 'failed') {
    const { code } = answer
    if (code === 'corrupt' || code === 'version_unusable') return { ...look, answer: 'corrupt' }
    return code === 'not_found' ? { ...look, answer: 'not_found' } : undefined
  }
  const seen = answer.state === 'listed' ? answer.seen[key] : answer.seen
  return seen === undefined ? { ...look, answer: 'not_found' } : { ...look, answer: 'found', seen }
}

function withoutValue(seen: Seen | undefined): Seen | undefined {
  if (seen === undefined) return undefined
  const { value: _value, ...record } = seen
  return record
}
