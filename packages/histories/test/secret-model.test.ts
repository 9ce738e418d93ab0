import { seeded } from '@strongroom/testbed'
import { describe, expect, it } from 'vitest'
import { checkHistory, type Interval } from '../src/linearizable.ts'
import { secretModel, type Kept, type Secret, type SecretOperation, type Seen, type State } from '../src/secret-model.ts'
import { bruteForce } from './brute-force.ts'

// What one key of one account may answer: histories of which the verdict is known, and real ones with an answer changed.

type History = readonly Interval<SecretOperation>[]
type Create = Extract<SecretOperation, { readonly kind: 'create' }>
type Update = Extract<SecretOperation, { readonly kind: 'update' }>
type Rollback = Extract<SecretOperation, { readonly kind: 'rollback' }>
type Delete = Extract<SecretOperation, { readonly kind: 'delete' }>

const at = (operation: SecretOperation, call: number, end?: number): Interval<SecretOperation> => ({ operation, call, end })
const create = (by: string, answer: Create['answer'] = 'done'): Create => ({ kind: 'create', by, value: `v-${by}`, description: `d-${by}`, answer })
const update = (by: string, of: string, more: Partial<Update> = {}): Update => ({ kind: 'update', by, of, value: `v-${by}`, answer: 'done', ...more })
const rollback = (by: string, to: string | undefined, more: Partial<Rollback> = {}): Rollback => ({
  kind: 'rollback',
  by,
  of: 'c',
  to,
  answer: 'done',
  ...more,
})
/** Each version by who put it, its revision, and who committed it last, the first alone where nobody else did. */
const versions = (...kept: readonly (readonly [string | undefined, number, string?])[]): SecretOperation => ({
  kind: 'versions',
  by: 'r',
  of: 'c',
  answer: 'found',
  kept: kept.map(([put, revision, by = put ?? '']): Kept => ({ put, by, revision })),
})
/** A write with an idempotency key, asked for by a call of several. `asked` is by default what its operation asks for. */
const again = <Asked extends Create | Update>(operation: Asked, more: { readonly asked?: string; readonly instead?: string } = {}): Asked => ({
  ...operation,
  request: { asked: `for ${operation.by}`, call: 'r', ...more },
})
/** Another request with the same key. */
const other = (operation: Update): Update => ({
  ...again(operation, { asked: 'for something else', ...(operation.answer === 'mismatch' ? { instead: `for ${operation.by}` } : {}) }),
  value: 'v-another',
})
const of = (by: string, last: string | null, revision: number): Seen => ({ by, last, revision, description: `d-${by}` })
const remove = (by: string, of: string, more: Partial<Delete> = {}): Delete => ({ kind: 'delete', by, of, answer: 'done', ...more })
const found = (by: string, last: string | null, revision: number, value?: string, more: Partial<Seen> = {}): SecretOperation => ({
  kind: 'look',
  by: 'r',
  answer: 'found',
  seen: { by, last, revision, description: `d-${by}`, value, ...more },
})
const nothing = (of?: string): SecretOperation => ({ kind: 'look', by: 'r', of, answer: 'not_found' })

const LINEARIZABLE: Readonly<Record<string, History>> = {
  'create, read, update, read, delete': [
    at(create('c'), 0, 1),
    at(found('c', null, 1, 'v-c'), 2, 3),
    at(update('u', 'c'), 4, 5),
    at(found('c', 'u', 2, 'v-u'), 6, 7),
    at(remove('x', 'c'), 8, 9),
    at(nothing(), 10, 11),
  ],
  'of creators at once one succeeds': [
    at(create('a'), 0, 9),
    at(create('b', 'already_exists'), 0, 9),
    at(create('c', 'already_exists'), 1, 8),
    at(found('a', null, 1, 'v-a'), 10, 11),
  ],
  'a key is free again after a delete, and the old record is gone': [
    at(create('a'), 0, 1),
    at(remove('x', 'a'), 2, 3),
    at(create('b'), 4, 5),
    at(update('u', 'a', { answer: 'not_found' }), 6, 7),
    at(nothing('a'), 6, 7),
    at(found('b', null, 1, 'v-b'), 8, 9),
  ],
  'of two updates on one condition one succeeds': [
    at(create('c'), 0, 1),
    at(update('u', 'c', { ifRevision: 1 }), 2, 9),
    at(update('w', 'c', { ifRevision: 1, answer: 'conflict' }), 2, 9),
  ],
  'an update without an answer takes effect late': [
    at(create('c'), 0, 1),
    at(update('u', 'c', { answer: 'unknown' }), 2),
    at(found('c', null, 1, 'v-c'), 3, 4),
    at(found('c', 'u', 2, 'v-u'), 20, 21),
  ],
  'a create without an answer takes effect after a delete': [
    at(create('a'), 0, 1),
    at(create('b', 'unknown'), 2),
    at(found('a', null, 1, 'v-a'), 3, 4),
    at(remove('x', 'a'), 5, 6),
    at(found('b', null, 1, 'v-b'), 7, 8),
  ],
  'a delete without an answer never takes effect': [
    at(create('c'), 0, 1),
    at(remove('x', 'c', { answer: 'unknown' }), 2),
    at(update('u', 'c'), 5, 6),
    at(found('c', 'u', 2, 'v-u'), 7, 8),
  ],
}

/** A record with the values of c, u and w, the last committed. */
const THREE: History = [at(create('c'), 0, 1), at(update('u', 'c'), 2, 3), at(update('w', 'c'), 4, 5)]
const FOUR: History = [...THREE, at(update('x', 'c'), 6, 7)]

const ROLLBACKS: Readonly<Record<string, History>> = {
  'a version that is kept comes first again, with a revision of its own': [
    ...THREE,
    at(versions(['w', 3], ['u', 2], ['c', 1]), 6, 7),
    at(rollback('b', 'c', { seen: of('c', 'b', 4) }), 8, 9),
    at(found('c', 'b', 4, 'v-c'), 10, 11),
    at(versions(['c', 4, 'b'], ['w', 3], ['u', 2]), 12, 13),
  ],
  'the one committed longest ago falls out, not the one put longest ago': [
    ...THREE,
    at(rollback('b', 'c'), 6, 7),
    at(update('x', 'c'), 8, 9),
    at(versions(['x', 5], ['c', 4, 'b'], ['w', 3]), 10, 11),
    at(rollback('a', 'u', { answer: 'not_found' }), 12, 13),
    at(rollback('a', 'c'), 14, 15),
    at(found('c', 'a', 6, 'v-c'), 16, 17),
  ],
  'to the committed version it changes nothing': [
    ...THREE,
    at(rollback('b', 'w', { seen: of('c', 'w', 3) }), 6, 7),
    at(found('c', 'w', 3, 'v-w'), 8, 9),
  ],
  'it keeps a description that came after the version': [
    ...THREE,
    at(update('n', 'c', { value: undefined, description: 'new' }), 6, 7),
    at(rollback('b', 'u', { seen: { ...of('c', 'b', 5), description: 'new' } }), 8, 9),
    at(found('c', 'b', 5, 'v-u', { description: 'new' }), 10, 11),
  ],
  'of a rollback and an update on one condition one succeeds': [
    ...THREE,
    at(rollback('b', 'u', { ifRevision: 3 }), 6, 9),
    at(update('x', 'c', { ifRevision: 3, answer: 'conflict' }), 6, 9),
  ],
  'a version falls out while it is asked for': [...THREE, at(update('x', 'c'), 6, 9), at(rollback('b', 'c', { answer: 'not_found' }), 6, 9)],
  'a rollback without an answer takes effect late': [
    ...THREE,
    at(rollback('b', 'u', { answer: 'unknown' }), 6),
    at(found('c', 'w', 3, 'v-w'), 7, 8),
    at(found('c', 'b', 4, 'v-u'), 20, 21),
  ],
  'a rollback without an answer never takes effect, since the version has fallen out': [
    ...THREE,
    at(rollback('b', 'c', { answer: 'unknown' }), 6),
    at(update('x', 'c'), 7, 8),
    at(versions(['x', 4], ['w', 3], ['u', 2]), 9, 10),
  ],
  'the record is gone': [...THREE, at(remove('x', 'c'), 6, 7), at(rollback('b', 'u', { answer: 'not_found' }), 8, 9)],
}

const NO_ROLLBACKS: Readonly<Record<string, History>> = {
  'a rollback that another write came before, on the condition that none did': [
    ...THREE,
    at(rollback('b', 'u', { ifRevision: 3 }), 6, 9),
    at(update('x', 'c', { ifRevision: 3 }), 6, 9),
  ],
  'a rollback that was acknowledged, and is not there': [...THREE, at(rollback('b', 'u'), 6, 7), at(found('c', 'w', 3, 'v-w'), 8, 9)],
  'a rollback that moved the record and not the value': [...THREE, at(rollback('b', 'u'), 6, 7), at(found('c', 'b', 4, 'v-w'), 8, 9)],
  'a rollback that brought the description of then': [
    ...THREE,
    at(update('n', 'c', { value: undefined, description: 'new' }), 6, 7),
    at(rollback('b', 'u'), 8, 9),
    at(found('c', 'b', 5, 'v-u'), 10, 11),
  ],
  'a rollback to a version that has fallen out': [...FOUR, at(rollback('b', 'c'), 8, 9)],
  'a rollback to a version of which nobody knows who put it': [...THREE, at(rollback('b', undefined), 6, 7)],
  'a kept version that is not found': [...THREE, at(rollback('b', 'c', { answer: 'not_found' }), 6, 7)],
  'a kept version that is gone from the store': [...THREE, at(rollback('b', 'c', { answer: 'gone' }), 6, 7)],
  'a record whose secret is gone from the store': [...FOUR, at(rollback('b', 'c', { answer: 'gone' }), 8, 9)],
  'a conflict at the right revision': [...THREE, at(rollback('b', 'u', { ifRevision: 3, answer: 'conflict' }), 6, 7)],
  'a conflict without a condition': [...THREE, at(rollback('b', 'u', { answer: 'conflict' }), 6, 7)],
  'a rollback without an answer, twice': [
    ...THREE,
    at(rollback('b', 'u', { answer: 'unknown' }), 6),
    at(found('c', 'b', 4, 'v-u'), 7, 8),
    at(rollback('a', 'w'), 9, 10),
    at(found('c', 'b', 6, 'v-u'), 11, 12),
  ],
  'a version too many is kept': [...FOUR, at(versions(['x', 4], ['w', 3], ['u', 2], ['c', 1]), 8, 9)],
  'a version too few is kept': [...THREE, at(versions(['w', 3], ['u', 2]), 6, 7)],
  'versions in another order': [...THREE, at(versions(['w', 3], ['c', 1], ['u', 2]), 6, 7)],
  'a version at another’s revision': [...THREE, at(versions(['w', 3], ['u', 1], ['c', 2]), 6, 7)],
  'versions of before': [...THREE, at(update('x', 'c'), 6, 7), at(versions(['w', 3], ['u', 2], ['c', 1]), 8, 9)],
}

const REQUESTS: Readonly<Record<string, History>> = {
  'a repeat has the answer of then, whatever has come since': [
    at(again(create('c', 'done')), 0, 1),
    at(again({ ...update('u', 'c'), seen: of('c', 'u', 2) }), 2, 3),
    at(update('w', 'c'), 4, 5),
    at(again({ ...update('u', 'c'), seen: of('c', 'u', 2) }), 6, 7),
    at(remove('x', 'c'), 8, 9),
    at(again({ ...create('c'), seen: of('c', null, 1) }), 10, 11),
    at(nothing(), 12, 13),
  ],
  'two ask at once, and one effect comes of it': [
    at(create('c'), 0, 1),
    at(again({ ...update('u', 'c'), seen: of('c', 'u', 2) }), 2, 9),
    at(again({ ...update('u', 'c'), seen: of('c', 'u', 2) }), 3, 8),
    at(found('c', 'u', 2, 'v-u'), 10, 11),
  ],
  'a call without an answer had its effect, and a repeat is told of it': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c', { answer: 'unknown' })), 2),
    at(found('c', 'u', 2, 'v-u'), 3, 4),
    at(update('w', 'c'), 5, 6),
    at(again({ ...update('u', 'c'), seen: of('c', 'u', 2) }), 7, 8),
  ],
  'a call without an answer had none, and the repeat has it': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c', { answer: 'unknown' })), 2),
    at(update('w', 'c'), 3, 4),
    at(again({ ...update('u', 'c'), seen: of('c', 'u', 3) }), 5, 6),
  ],
  'what was refused is decided anew': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c', { ifRevision: 2, answer: 'conflict' })), 2, 3),
    at(update('w', 'c'), 4, 5),
    at(again(update('u', 'c', { ifRevision: 2, seen: of('c', 'u', 3) })), 6, 7),
  ],
  'its condition is judged once': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c', { ifRevision: 1 })), 2, 3),
    at(again(update('u', 'c', { ifRevision: 1, seen: of('c', 'u', 2) })), 4, 5),
  ],
  'another request with the key is refused': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c')), 2, 3),
    at(other(update('u', 'c', { answer: 'mismatch' })), 4, 5),
    at(found('c', 'u', 2, 'v-u'), 6, 7),
  ],
  'another request with the key is refused while the first is under way, which then comes to nothing': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c', { answer: 'unknown' })), 2),
    at(other(update('u', 'c', { answer: 'mismatch' })), 3, 4),
    at(found('c', null, 1, 'v-c'), 9, 10),
  ],
  'the other request came first': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c', { answer: 'mismatch' }), { instead: 'for something else' }), 2, 9),
    at(other(update('u', 'c')), 3, 8),
    at(found('c', 'u', 2, 'v-another'), 10, 11),
  ],
}

const NO_REQUESTS: Readonly<Record<string, History>> = {
  'a repeat makes a second revision': [
    at(create('c'), 0, 1),
    at(again({ ...update('u', 'c'), seen: of('c', 'u', 2) }), 2, 3),
    at(again({ ...update('u', 'c'), seen: of('c', 'u', 3) }), 4, 5),
  ],
  'a repeat makes a second revision, and nobody is told': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c')), 2, 3),
    at(again(update('u', 'c')), 4, 5),
    at(found('c', 'u', 3, 'v-u'), 6, 7),
  ],
  'a call without an answer and its repeat both have an effect': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c', { answer: 'unknown' })), 2),
    at(found('c', 'u', 2, 'v-u'), 3, 4),
    at(update('w', 'c'), 5, 6),
    at(again({ ...update('u', 'c'), seen: of('c', 'u', 4) }), 7, 8),
  ],
  'two that ask at once are answered differently': [
    at(create('c'), 0, 1),
    at(update('w', 'c'), 2, 9),
    at(again({ ...update('u', 'c'), seen: of('c', 'u', 2) }), 2, 9),
    at(again({ ...update('u', 'c'), seen: of('c', 'u', 3) }), 2, 9),
  ],
  'a repeat is told of the record as it is by now': [
    at(again(create('c')), 0, 1),
    at(update('u', 'c'), 2, 3),
    at(again({ ...create('c'), seen: of('c', 'u', 2) }), 4, 5),
  ],
  'a repeated create is told that the key exists': [at(again(create('c')), 0, 1), at(again(create('c', 'already_exists')), 2, 3)],
  'a repeated create makes the record again after a delete': [
    at(again(create('c')), 0, 1),
    at(remove('x', 'c'), 2, 3),
    at(again(create('c')), 4, 5),
    at(found('c', null, 1, 'v-c'), 6, 7),
  ],
  'a repeat is judged by its condition': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c', { ifRevision: 1 })), 2, 3),
    at(again(update('u', 'c', { ifRevision: 1, answer: 'conflict' })), 4, 5),
  ],
  'another request with the key has an effect': [at(create('c'), 0, 1), at(again(update('u', 'c')), 2, 3), at(other(update('u', 'c')), 4, 5)],
  'another request with the key is judged by anything else': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c')), 2, 3),
    at(other(update('u', 'c', { ifRevision: 1, answer: 'conflict' })), 4, 5),
  ],
  'a repeat is refused as another request': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c')), 2, 3),
    at(again(update('u', 'c', { answer: 'mismatch' }), { instead: 'for something else' }), 4, 5),
  ],
  'the first is refused as another request, and nobody has asked for another': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c', { answer: 'mismatch' })), 2, 3),
  ],
  'a request takes effect after it was refused as another': [
    at(create('c'), 0, 1),
    at(again(update('u', 'c', { answer: 'unknown' })), 2),
    at(other(update('u', 'c', { answer: 'mismatch' })), 3, 4),
    at(other(update('u', 'c')), 5, 6),
  ],
  'a mismatch without a key': [at(create('c'), 0, 1), at(update('u', 'c', { answer: 'mismatch' }), 2, 3)],
}

const NOT: Readonly<Record<string, History>> = {
  'a stale read': [at(create('c'), 0, 1), at(update('u', 'c'), 2, 3), at(found('c', null, 1, 'v-c'), 4, 5)],
  'a lost update: two succeed on one condition': [
    at(create('c'), 0, 1),
    at(update('u', 'c', { ifRevision: 1 }), 2, 9),
    at(update('w', 'c', { ifRevision: 1 }), 2, 9),
  ],
  'a lost update: two answer with one revision': [
    at(create('c'), 0, 1),
    at(update('u', 'c', { seen: { by: 'c', last: 'u', revision: 2, description: 'd-c' } }), 2, 9),
    at(update('w', 'c', { seen: { by: 'c', last: 'w', revision: 2, description: 'd-c' } }), 2, 9),
  ],
  'a lost update: its description is another’s base': [
    at(create('c'), 0, 1),
    at(update('u', 'c', { description: 'd-u' }), 2, 3),
    at(update('w', 'c'), 4, 5),
    at(found('c', 'w', 3, 'v-w'), 6, 7),
  ],
  'two creators of one key succeed': [at(create('a'), 0, 9), at(create('b'), 0, 9)],
  'a creator is told that it exists, and nobody made it': [at(create('a', 'already_exists'), 0, 1)],
  'a read of a value that was never written': [at(create('c'), 0, 1), at(found('c', null, 1, 'v-x'), 2, 3)],
  'a read of another revision’s value': [at(create('c'), 0, 1), at(update('u', 'c'), 2, 3), at(found('c', 'u', 2, 'v-c'), 4, 5)],
  'a read of a deleted record': [at(create('c'), 0, 1), at(remove('x', 'c'), 2, 3), at(found('c', null, 1, 'v-c'), 4, 5)],
  'a read of the old record after the key was created again': [
    at(create('a'), 0, 1),
    at(remove('x', 'a'), 2, 3),
    at(create('b'), 4, 5),
    at(found('a', null, 1, 'v-a'), 6, 7),
  ],
  'reads that go back during an update': [
    at(create('c'), 0, 1),
    at(update('u', 'c'), 2, 20),
    at(found('c', 'u', 2, 'v-u'), 3, 4),
    at(found('c', null, 1, 'v-c'), 5, 6),
  ],
  'a record that is not there any more, and nobody deleted it': [at(create('c'), 0, 1), at(nothing(), 2, 3)],
  'a conflict at the right revision': [at(create('c'), 0, 1), at(update('u', 'c', { ifRevision: 1, answer: 'conflict' }), 2, 3)],
  'a record whose value is gone': [at(create('c'), 0, 1), at({ kind: 'look', by: 'r', answer: 'corrupt' }, 2, 3)],
  'an update without an answer that is seen, and then not': [
    at(create('c'), 0, 1),
    at(update('u', 'c', { answer: 'unknown' }), 2),
    at(found('c', 'u', 2, 'v-u'), 3, 4),
    at(found('c', null, 1, 'v-c'), 5, 6),
  ],
  'an update without an answer that takes effect twice': [
    at(create('c'), 0, 1),
    at(update('u', 'c', { answer: 'unknown' }), 2),
    at(found('c', 'u', 2, 'v-u'), 3, 4),
    at(update('w', 'c'), 5, 6),
    at(found('c', 'u', 4, 'v-u'), 7, 8),
  ],
  'a delete that answered, and a later update of the record': [at(create('c'), 0, 1), at(remove('x', 'c'), 2, 3), at(update('u', 'c'), 4, 5)],
}

describe('the model of a key', () => {
  it.each(Object.entries({ ...LINEARIZABLE, ...ROLLBACKS, ...REQUESTS }))('accepts: %s', (_, history) => {
    expect(checkHistory(secretModel, history).result).toBe('linearizable')
    expect(bruteForce(secretModel, history)).toBe(true)
  })

  it.each(Object.entries({ ...NOT, ...NO_ROLLBACKS, ...NO_REQUESTS }))('refuses: %s', (_, history) => {
    expect(checkHistory(secretModel, history).result).toBe('not linearizable')
    expect(bruteForce(secretModel, history)).toBe(false)
  })

  it('accepts what a real record answered, and refuses it with one answer changed', { timeout: 240_000 }, () => {
    const random = seeded(3)
    let refused = 0
    let changed = 0
    for (let number = 0; number < 60; number += 1) {
      const history = realHistory(random, 60)
      expect(checkHistory(secretModel, history).result).toBe('linearizable')
      for (const [index, { operation, ...times }] of history.entries()) {
        if (operation.kind !== 'look' || operation.seen === undefined || random() < 0.7) continue
        changed += 1
        const { seen } = operation
        const wrong: Seen = random() < 0.5 ? { ...seen, last: 'nobody' } : { ...seen, value: 'v-nobody' }
        if (checkHistory(secretModel, history.with(index, { operation: { ...operation, seen: wrong }, ...times })).result !== 'linearizable')
          refused += 1
      }
    }
    expect(changed).toBeGreaterThan(100)
    expect(refused).toBe(changed)
  })

  it('agrees with every order tried, on small histories of a real record with an answer taken from elsewhere', { timeout: 240_000 }, () => {
    const random = seeded(4)
    const counts = { good: 0, bad: 0 }
    for (let number = 0; number < 600; number += 1) {
      const history = realHistory(random, 6)
      const [from, to] = [Math.floor(random() * 6), Math.floor(random() * 6)]
      const taken = history[from]?.operation
      const given = history[to]
      if (taken === undefined || given === undefined) continue
      const mixed = history.with(to, { ...given, operation: taken, end: given.end ?? (secretModel.looks(taken) ? 99 : undefined) })
      const good = bruteForce(secretModel, mixed)
      counts[good ? 'good' : 'bad'] += 1
      expect(checkHistory(secretModel, mixed).result).toBe(good ? 'linearizable' : 'not linearizable')
    }
    expect(Math.min(counts.good, counts.bad)).toBeGreaterThan(50)
  })
})

/** Operations that take effect on one record at a random moment between call and answer; those without an answer late, or never. */
function realHistory(random: () => number, length: number): History {
  const planned = Array.from({ length }, (_, index) => {
    const call = index + random() * 2
    const end = call + random() * 6
    const isAnswered = random() < 0.9
    const effect = isAnswered ? call + random() * (end - call) : random() < 0.5 ? call + random() * 30 : undefined
    return { by: `o${index}`, call, end: isAnswered ? end : undefined, effect }
  })
  let state: State = secretModel.start
  const requests: (Create | Update)[] = []
  const intervals: Interval<SecretOperation>[] = []
  for (const { by, call, end, effect } of planned.toSorted((a, b) => (a.effect ?? Infinity) - (b.effect ?? Infinity))) {
    const asked = askedOf(by, state.secret, requests, random)
    if ((asked.kind === 'create' || asked.kind === 'update') && asked.request !== undefined) requests.push(asked)
    const open = secretModel.unanswered(asked)
    if (end === undefined && open === undefined) continue
    const operation: SecretOperation = end === undefined && open !== undefined ? open : answered(state, asked)
    intervals.push(at(operation, call, end))
    const after = effect === undefined ? undefined : secretModel.step(state, operation)
    if (after !== undefined) state = after
  }
  return intervals.toSorted((a, b) => a.call - b.call)
}

/** What somebody asks for of the record, or asks for again. */
function askedOf(by: string, secret: Secret | null, requests: readonly (Create | Update)[], random: () => number): SecretOperation {
  const kind = random()
  const before = requests[Math.floor(random() * requests.length)]
  if (kind < 0.15 && before !== undefined) return before
  const keyed = <Asked extends Create | Update>(operation: Asked): Asked => (random() < 0.5 ? again(operation) : operation)
  if (kind < 0.3) return keyed(create(by))
  if (kind < 0.5 || secret === null) return { ...nothing(), by }
  if (kind < 0.55) return { kind: 'versions', by, of: secret.by, answer: 'found' }
  const ifRevision = random() < 0.5 ? secret.revision - (random() < 0.3 ? 1 : 0) : undefined
  if (kind < 0.75) return keyed(update(by, secret.by, { ifRevision, ...(random() < 0.5 ? { description: `d-${by}` } : {}) }))
  const kept = secret.kept[Math.floor(random() * secret.kept.length)]
  return kind < 0.93 ? rollback(by, kept?.put, { of: secret.by, ifRevision }) : remove(by, secret.by, { ifRevision })
}

/** The operation with the answer that a correct registry gives in this state. */
function answered(state: State, operation: SecretOperation): SecretOperation {
  const { secret } = state
  if (operation.kind === 'look') return secret === null ? operation : { ...operation, answer: 'found', seen: seenOf(secret) }
  if (operation.kind === 'versions') return { ...operation, kept: secret?.kept.map(({ put, by, revision }) => ({ put, by, revision })) }
  for (const answer of ['done', 'already_exists', 'not_found', 'conflict'] as const) {
    const told = { ...operation, answer } as SecretOperation
    const after = secretModel.step(state, told)
    if (after === undefined) continue
    const record = state.requests[operation.by]?.answer ?? after.secret
    return answer !== 'done' || record === null || operation.kind === 'delete' ? told : { ...told, seen: { ...seenOf(record), value: undefined } }
  }
  throw new Error(`nothing answers ${operation.kind}`)
}

function seenOf({ by, last, revision, description, value }: Seen): Seen {
  return { by, last, revision, description, value }
}
