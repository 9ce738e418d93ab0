import { seeded } from '@strongroom/testbed'
import { describe, expect, it } from 'vitest'
import { checkHistory, shortestViolation, type Interval, type Model, type Verdict } from '../src/linearizable.ts'
import { bruteForce, holds } from './brute-force.ts'

// The checker itself, on a register with compare-and-set: histories of which the verdict is known, and against one that tries every order.

type Op =
  | { readonly kind: 'write'; readonly value: number }
  | { readonly kind: 'read'; readonly value: number }
  | { readonly kind: 'cas'; readonly from: number; readonly to: number; readonly done: boolean | undefined }

const register: Model<number, Op> = {
  start: 0,
  step: (state, op) => {
    if (op.kind === 'write') return op.value
    if (op.kind === 'read') return op.value === state ? state : undefined
    if (op.done === false) return op.from === state ? undefined : state
    return op.from === state ? op.to : undefined
  },
  textOf: String,
  looks: op => op.kind === 'read' || (op.kind === 'cas' && op.done === false),
  unanswered: op => (op.kind === 'read' ? undefined : op.kind === 'cas' ? { ...op, done: undefined } : op),
}

const write = (value: number, call: number, end?: number): Interval<Op> => ({ operation: { kind: 'write', value }, call, end })
const read = (value: number, call: number, end: number): Interval<Op> => ({ operation: { kind: 'read', value }, call, end })
const cas = (from: number, to: number, done: boolean | undefined, call: number, end?: number): Interval<Op> => ({
  operation: { kind: 'cas', from, to, done },
  call,
  end,
})

const LINEARIZABLE: Readonly<Record<string, readonly Interval<Op>[]>> = {
  'nothing at all': [],
  'one after another': [write(1, 0, 1), read(1, 2, 3), write(2, 4, 5), read(2, 6, 7)],
  'a read during a write sees it': [write(1, 0, 10), read(1, 2, 3)],
  'a read during a write does not see it yet': [write(1, 0, 10), read(0, 2, 3)],
  'two reads during a write, the later one sees it': [write(1, 0, 10), read(0, 2, 3), read(1, 4, 5)],
  'of two writes at once, the first to be answered is overwritten': [write(1, 0, 5), write(2, 0, 4), read(1, 6, 7)],
  'of two compare-and-sets at once one succeeds': [cas(0, 1, true, 0, 5), cas(0, 2, false, 0, 5), read(1, 6, 7)],
  'a call at the moment of an answer may be concurrent': [write(1, 0, 2), read(0, 2, 3)],
  'a write without an answer is never seen': [write(1, 0), read(0, 1, 2), read(0, 3, 4)],
  'a write without an answer takes effect late': [write(1, 0), read(0, 1, 2), write(2, 3, 4), read(2, 5, 6), read(1, 7, 8)],
  'a compare-and-set without an answer takes effect when it can': [cas(5, 6, undefined, 0), read(0, 1, 2), write(5, 3, 4), read(6, 5, 6)],
  'only without an answer': [write(1, 0), cas(7, 8, undefined, 1)],
}

const NOT: Readonly<Record<string, readonly Interval<Op>[]>> = {
  'a stale read': [write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)],
  'a read of what was never written': [write(1, 0, 1), read(3, 0, 5)],
  'a read of what is written later': [read(1, 0, 1), write(1, 2, 3)],
  'reads that go back': [write(1, 0, 10), read(1, 1, 2), read(0, 3, 4)],
  'reads of two writes in two orders': [write(1, 0, 10), write(2, 0, 10), read(1, 11, 12), read(2, 13, 14)],
  'a lost update: two compare-and-sets from one value': [cas(0, 1, true, 0, 5), cas(0, 2, true, 0, 5)],
  'a compare-and-set that should have succeeded': [cas(0, 1, false, 0, 1)],
  'a write without an answer, undone after it was seen': [write(1, 0), read(1, 1, 2), read(0, 3, 4)],
  'a write without an answer, twice': [write(1, 0), read(1, 1, 2), write(2, 3, 4), read(1, 5, 6)],
  'a write without an answer, before its call': [read(1, 0, 1), write(1, 2)],
}

describe('the checker', () => {
  it.each(Object.entries(LINEARIZABLE))('accepts: %s', (_, history) => {
    const verdict = checkHistory(register, history)
    expect(verdict.result).toBe('linearizable')
    expect(bruteForce(register, history)).toBe(true)
    expect(explains(history, verdict)).toBe(true)
  })

  it.each(Object.entries(NOT))('refuses: %s', (_, history) => {
    expect(checkHistory(register, history).result).toBe('not linearizable')
    expect(bruteForce(register, history)).toBe(false)
  })

  it('agrees with every order tried, on 1000 small random histories', { timeout: 240_000 }, () => {
    const random = seeded(1)
    const counts = { good: 0, bad: 0 }
    for (let number = 0; number < 1_000; number += 1) {
      const history = anyHistory(random, 1 + Math.floor(random() * 6))
      const good = bruteForce(register, history)
      counts[good ? 'good' : 'bad'] += 1
      const verdict = checkHistory(register, history)
      expect({ history, result: verdict.result }).toEqual({ history, result: good ? 'linearizable' : 'not linearizable' })
      if (good) expect(explains(history, verdict)).toBe(true)
    }
    expect(Math.min(counts.good, counts.bad)).toBeGreaterThan(150)
  })

  it('accepts what a real register answered, and refuses it with one answer changed', { timeout: 240_000 }, () => {
    const random = seeded(2)
    for (let number = 0; number < 30; number += 1) {
      const history = realHistory(random, 80)
      const verdict = checkHistory(register, history)
      expect(explains(history, verdict)).toBe(true)
      const changes = history.flatMap(({ operation, call, end }, index) => {
        if (operation.kind !== 'read' || end === undefined) return []
        return [history.with(index, { operation: { kind: 'read', value: staleAt(history, call) ?? 999 }, call, end })]
      })
      for (const changed of changes.slice(0, 3)) expect(checkHistory(register, changed).result).toBe('not linearizable')
    }
  })

  it('says when it has not decided', () => {
    const history = [...Array.from({ length: 12 }, (_, index) => write(index + 1, 0, 100)), read(99, 101, 102)]
    expect(checkHistory(register, history, 1_000).result).toBe('undecided')
    expect(checkHistory(register, history.slice(0, -1), 1_000).result).toBe('linearizable')
  })

  it('shows a violation by its shortest beginning, without looks that are not needed', () => {
    const bad = [write(1, 0, 1), read(1, 2, 3), read(1, 4, 20), write(2, 5, 6), read(1, 7, 8), write(3, 7, 30), read(3, 31, 32), write(4, 40, 41)]
    const { history, unexplained } = shortestViolation(register, bad)
    expect(unexplained).toEqual(read(1, 7, 8))
    expect(history).toEqual([write(1, 0, 1), write(2, 5, 6), read(1, 7, 8), write(3, 7)])
    expect(() => shortestViolation(register, bad.slice(0, 2))).toThrow(RangeError)
  })
})

/** Whether the order of a verdict has every answered operation once, keeps to time, and gives each its answer. */
function explains(history: readonly Interval<Op>[], verdict: Verdict): boolean {
  if (verdict.result !== 'linearizable') return false
  const { order } = verdict
  const isWhole = new Set(order).size === order.length && history.every(({ end }, index) => end === undefined || order.includes(index))
  return isWhole && holds(register, history, order)
}

/** Calls and answers at random, of which nobody knows whether they are right. */
function anyHistory(random: () => number, length: number): readonly Interval<Op>[] {
  const below = (limit: number): number => Math.floor(random() * limit)
  return Array.from({ length }, () => {
    const call = below(8)
    const end = call + 1 + below(6)
    const kind = below(5)
    if (kind < 2) return read(below(3), call, end)
    const answered = random() < 0.75 ? end : undefined
    if (kind < 4) return write(below(3), call, answered)
    return cas(below(3), below(3), answered === undefined ? undefined : random() < 0.5, call, answered)
  })
}

/** Operations that take effect on a register at a random moment between call and answer; those without an answer late, or never. */
function realHistory(random: () => number, length: number): readonly Interval<Op>[] {
  const planned = Array.from({ length }, (_, index) => {
    const call = index + random() * 3
    const end = call + random() * 8
    const answered = random() < 0.9
    const at = answered ? call + random() * (end - call) : random() < 0.5 ? call + random() * length : undefined
    return { index, call, end: answered ? end : undefined, at, kind: random() }
  })
  let state = 0
  const intervals: Interval<Op>[] = []
  for (const { index, call, end, at, kind } of planned.toSorted((a, b) => (a.at ?? Infinity) - (b.at ?? Infinity))) {
    if (kind < 0.4 && end !== undefined) intervals.push(read(state, call, end))
    else if (kind < 0.8) {
      intervals.push(write(index + 1, call, end))
      if (at !== undefined) state = index + 1
    } else {
      const from = random() < 0.7 ? state : 0
      const done = from === state
      intervals.push(cas(from, index + 1, end === undefined ? undefined : done, call, end))
      if (at !== undefined && done) state = index + 1
    }
  }
  return intervals.toSorted((a, b) => a.call - b.call)
}

/** A value that no read called at that moment can answer: another write came after it, and was answered before. */
function staleAt(history: readonly Interval<Op>[], at: number): number | undefined {
  const writes = history.flatMap(({ operation, call, end }) =>
    operation.kind === 'write' && end !== undefined && end < at ? [{ value: operation.value, call, end }] : [],
  )
  return writes.find(old => writes.some(({ call }) => call > old.end))?.value
}
