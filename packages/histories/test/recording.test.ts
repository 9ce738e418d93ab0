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

  const versions = (by: string, at: number, ...kept: readonly (readonly [string, string, number])[]): Recorded => {
    const told = kept.map(([version, committer, revision], index) => ({ version, by: committer, revision, committed: index === 0 }))
    return recorded(by, { kind: 'versions', id: 'id-1' }, at, { state: 'kept', versions: told })
  }
  const back = (version: string): Wish => ({ kind: 'rollback', id: 'id-1', version })
  const operations = (...all: readonly Recorded[]): readonly SecretOperation[] =>
    (historiesOf([made, ...all], ['a']).get('a') ?? []).slice(1).map(({ operation }) => operation)

  it('names a version by who put it, also after a rollback to it', () => {
    const told = operations(
      recorded('w', update, 2, { state: 'done', id: 'id-1', seen: seen('w', 2) }),
      versions('l', 4, ['v2', 'w', 2], ['v1', 'c', 1]),
      recorded('b', back('v1'), 6, { state: 'done', id: 'id-1', seen: seen('b', 3) }),
      versions('m', 8, ['v1', 'b', 3], ['v2', 'w', 2]),
    )
    expect(told.slice(2)).toEqual([
      { kind: 'rollback', by: 'b', of: 'c', to: 'c', answer: 'done', seen: seen('b', 3) },
      {
        kind: 'versions',
        by: 'm',
        of: 'c',
        answer: 'found',
        kept: [
          { put: 'c', by: 'b', revision: 3 },
          { put: 'w', by: 'w', revision: 2 },
        ],
      },
    ])
  })

  it('does not say who put a version that nobody has seen put, nor one that is committed beside another', () => {
    const [rollback, look] = operations(recorded('b', back('v9'), 2, failed('not_found')), versions('l', 4, ['v9', 'b', 2], ['v1', 'c', 1]))
    expect(rollback).toMatchObject({ answer: 'not_found', to: undefined })
    expect(look).toMatchObject({ kept: [{ put: undefined }, { put: 'c' }] })
    const both = versions('l', 2, ['v1', 'c', 1], ['v2', 'c', 1])
    const answer = both.answered?.answer
    if (answer?.state !== 'kept') throw new Error('nothing is kept')
    const wrong: Answer = { state: 'kept', versions: answer.versions.map(one => ({ ...one, committed: true })) }
    expect(operations({ ...both, answered: { at: 3, answer: wrong } })).toMatchObject([{ kept: [{ put: 'c' }, { put: undefined }] }])
  })

  it('takes a kept version that the store does not have for a violation, and a rollback to the committed one for a look', () => {
    const look = versions('l', 1, ['v1', 'c', 1])
    for (const code of ['version_unusable', 'corrupt']) {
      expect(operations(look, recorded('b', back('v1'), 2, failed(code, { by: 'store' }))).at(-1)).toMatchObject({ kind: 'rollback', answer: 'gone' })
    }
    const [, ...same] = operations(look, recorded('b', back('v1'), 2, { state: 'done', id: 'id-1', seen: seen(null, 1) }))
    expect(same.map(({ kind, seen: record }) => [kind, record])).toEqual([
      ['rollback', undefined],
      ['look', seen(null, 1)],
    ])
  })

  it('has all calls with one idempotency key under one name, and says what they ask for', () => {
    const wish: Wish = { kind: 'update', id: 'id-1', value: 'w', request: 'u' }
    const other: Wish = { ...wish, value: 'another' }
    const told = operations(
      recorded('u', wish, 2),
      recorded('v', wish, 4, { state: 'done', id: 'id-1', seen: seen('u', 2) }),
      recorded('x', other, 6, failed('idempotency_mismatch')),
    )
    expect(told.map(({ by, answer }) => [by, answer])).toEqual([
      ['u', 'unknown'],
      ['u', 'done'],
      ['u', 'mismatch'],
    ])
    const [first, again, mismatch] = told.map(operation => ('request' in operation ? operation.request : undefined))
    expect(again).toEqual({ asked: first?.asked, call: 'v', instead: undefined })
    expect(mismatch).toMatchObject({ call: 'x', instead: first?.asked })
    expect(mismatch?.asked).not.toBe(first?.asked)
    expect(checkHistory(secretModel, historiesOf([made, recorded('x', other, 6, failed('idempotency_mismatch'))], ['a']).get('a') ?? []).result).toBe(
      'not linearizable',
    )
  })

  it('does not take the answer of a repeat for a look: it is the record as it was committed', () => {
    const wish: Wish = { kind: 'update', id: 'id-1', value: 'w', request: 'u' }
    const today = recorded('v', wish, 4, { state: 'done', id: 'id-1', seen: seen('z', 3) })
    expect(operations(recorded('z', update, 2), today).slice(1)).toMatchObject([{ kind: 'update', by: 'u', seen: seen('z', 3) }])
  })
})
