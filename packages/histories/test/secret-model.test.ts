import { seeded } from '@strongroom/testbed'
import { describe, expect, it } from 'vitest'
import { checkHistory, type Interval } from '../src/linearizable.ts'
import { secretModel, type Secret, type SecretOperation, type Seen } from '../src/secret-model.ts'
import { bruteForce } from './brute-force.ts'

// What one key of one account may answer: histories of which the verdict is known, and real ones with an answer changed.

type History = readonly Interval<SecretOperation>[]
type Create = Extract<SecretOperation, { readonly kind: 'create' }>
type Update = Extract<SecretOperation, { readonly kind: 'update' }>
type Delete = Extract<SecretOperation, { readonly kind: 'delete' }>

const at = (operation: SecretOperation, call: number, end?: number): Interval<SecretOperation> => ({ operation, call, end })
const create = (by: string, answer: Create['answer'] = 'done'): Create => ({ kind: 'create', by, value: `v-${by}`, description: `d-${by}`, answer })
const update = (by: string, of: string, more: Partial<Update> = {}): Update => ({ kind: 'update', by, of, value: `v-${by}`, answer: 'done', ...more })
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
  it.each(Object.entries(LINEARIZABLE))('accepts: %s', (_, history) => {
    expect(checkHistory(secretModel, history).result).toBe('linearizable')
    expect(bruteForce(secretModel, history)).toBe(true)
  })

  it.each(Object.entries(NOT))('refuses: %s', (_, history) => {
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
  let state: Secret | null = null
  const intervals: Interval<SecretOperation>[] = []
  for (const { by, call, end, effect } of planned.toSorted((a, b) => (a.effect ?? Infinity) - (b.effect ?? Infinity))) {
    const before: Secret | null = state
    const asked = askedOf(by, before, random)
    if (end === undefined && asked.kind === 'look') continue
    const operation = end === undefined ? (secretModel.unanswered(asked) ?? asked) : asked
    intervals.push(at(operation, call, end))
    const after: Secret | null | undefined = effect === undefined ? undefined : secretModel.step(before, operation)
    if (after !== undefined) state = after
  }
  return intervals.toSorted((a, b) => a.call - b.call)
}

/** An operation with the answer that a correct registry gives in this state. */
function askedOf(by: string, state: Secret | null, random: () => number): SecretOperation {
  const kind = random()
  if (kind < 0.2) return create(by, state === null ? 'done' : 'already_exists')
  if (kind < 0.5 || state === null) {
    const { by: creator, last, revision, description, value } = state ?? {}
    if (creator === undefined || last === undefined || revision === undefined || description === undefined) return { ...nothing(), by }
    return { kind: 'look', by, answer: 'found', seen: { by: creator, last, revision, description, value } }
  }
  const ifRevision = random() < 0.5 ? state.revision - (random() < 0.3 ? 1 : 0) : undefined
  const answer = ifRevision !== undefined && ifRevision !== state.revision ? 'conflict' : 'done'
  if (kind < 0.85) return update(by, state.by, { ifRevision, answer, ...(random() < 0.5 ? { description: `d-${by}` } : {}) })
  return remove(by, state.by, { ifRevision, answer })
}
