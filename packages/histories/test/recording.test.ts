import { describe, expect, it } from 'vitest'
import { checkHistory, type Interval } from '../src/linearizable.ts'
import type { Answer, Wish } from '../src/messages.ts'
import { historiesOf, type Recorded } from '../src/recording.ts'
import { secretModel, type SecretOperation, type Seen } from '../src/secret-model.ts'

// What callers were told, as the checker gets it.

const recorded = (by: string, wish: Wish, at: number, answer?: Answer): Recorded => ({
  call: { by, client: 'p1.1', key: 'a', wish, at },
  answered: answer === undefined ? undefined : { at: at + 1, answer },
})
const create: Wish = { kind: 'create', value: 'v', description: 'd' }
const seen = (last: string | null, revision: number): Seen => ({ by: 'c', last, revision, description: 'd' })
const made = recorded('c', create, 0, { state: 'done', id: 'id-1', seen: seen(null, 1) })
const failed = (code: string, more: Partial<Extract<Answer, { readonly state: 'failed' }>> = {}): Answer => ({
  state: 'failed',
  code,
  effect: 'none',
  retryable: false,
  by: 'database',
  ...more,
})
const after = (wish: Wish, answer?: Answer): readonly Interval<SecretOperation>[] =>
  historiesOf([made, recorded('o', wish, 2, answer)], ['a'])
    .get('a')
    ?.slice(1) ?? []
const update: Wish = { kind: 'update', id: 'id-1', value: 'w', ifRevision: 1 }

describe('a recording', () => {
  it('has a write without an answer open, and no look without one', () => {
    const operation = { kind: 'update', by: 'o', of: 'c', value: 'w', ifRevision: 1, answer: 'unknown' }
    expect(after(update)).toEqual([{ operation, call: 2, end: undefined }])
    expect(after(update, failed('unavailable', { effect: 'unknown' }))).toEqual([{ operation, call: 2, end: undefined }])
    expect(after({ kind: 'read key' })).toEqual([])
  })

  it('leaves out what had no effect, unless the refusal says something of the record', () => {
    expect(after(update, failed('conflict', { retryable: true }))).toEqual([])
    expect(after(update, failed('conflict', { by: 'store' }))).toEqual([])
    expect(after(create, failed('already_exists', { by: 'store' }))).toEqual([])
    expect(after(update, failed('unavailable'))).toEqual([])
    const answers = [after(update, failed('conflict')), after(update, failed('not_found')), after(create, failed('already_exists'))]
    expect(answers.flat().map(({ operation, end }) => [operation.answer, end])).toEqual([
      ['conflict', 3],
      ['not_found', 3],
      ['already_exists', 3],
    ])
  })

  it('sees a write that was said to have no effect, and had one', () => {
    const look = recorded('r', { kind: 'read key' }, 4, { state: 'done', id: 'id-1', seen: { ...seen('o', 2), value: 'w' } })
    const history = historiesOf([made, recorded('o', update, 2, failed('unavailable')), look], ['a']).get('a') ?? []
    expect(checkHistory(secretModel, history).result).toBe('not linearizable')
  })

  it('takes a commit that is answered with a later record as a write and a look', () => {
    const answer: Answer = { state: 'done', id: 'id-1', seen: seen('z', 3) }
    expect(after(update, answer).map(({ operation }) => [operation.kind, operation.answer, operation.seen])).toEqual([
      ['update', 'done', undefined],
      ['look', 'found', seen('z', 3)],
    ])
  })

  it('takes a list as a look at each key', () => {
    const list = recorded('l', { kind: 'list' }, 2, { state: 'listed', seen: { a: seen(null, 1) } })
    const looks = [...historiesOf([made, list], ['a', 'b'])].map(([key, history]) => [key, history.at(-1)?.operation.answer])
    expect(looks).toEqual([
      ['a', 'found'],
      ['b', 'not_found'],
    ])
  })

  it('takes a value that is gone for a violation', () => {
    const [look] = after({ kind: 'read', id: 'id-1' }, failed('corrupt', { by: 'store' }))
    expect(look?.operation.answer).toBe('corrupt')
  })
})
