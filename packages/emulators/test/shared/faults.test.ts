import { describe, expect, test } from 'vitest'
import { Faults } from '../../src/shared/fault.ts'

const RESET = { kind: 'reset' } as const
const LOSE = { kind: 'lose' } as const
const STALL = { kind: 'stall' } as const

describe('the queue of faults', () => {
  test('is empty at first', () => {
    expect(new Faults().take('GetSecret')).toBeUndefined()
  })

  test('gives each once, first come first served', () => {
    const faults = new Faults()
    faults.inject(RESET)
    faults.inject(LOSE)
    expect([faults.take('a'), faults.take('b'), faults.take('c')]).toEqual([RESET, LOSE, undefined])
  })

  test('gives one as often as its count says, before the next', () => {
    const faults = new Faults()
    faults.inject(RESET, { count: 3 })
    faults.inject(LOSE)
    expect(['a', 'b', 'c', 'd', 'e'].map(operation => faults.take(operation))).toEqual([RESET, RESET, RESET, LOSE, undefined])
  })

  test('keeps one for its operations, and lets others pass', () => {
    const faults = new Faults()
    faults.inject(RESET, { operations: ['Write', 'Delete'] })
    faults.inject(LOSE, { count: 2 })
    expect(['Read', 'Write', 'Write', 'Delete'].map(operation => faults.take(operation))).toEqual([LOSE, RESET, LOSE, undefined])
  })

  test('gives none for an empty list of operations', () => {
    const faults = new Faults()
    faults.inject(STALL, { operations: [] })
    expect(faults.take('Read')).toBeUndefined()
  })

  test('forgets what waits', () => {
    const faults = new Faults()
    faults.inject(RESET, { count: 5 })
    faults.inject(LOSE)
    faults.take('a')
    faults.clear()
    expect(faults.take('a')).toBeUndefined()
    faults.inject(STALL)
    expect(faults.take('a')).toEqual(STALL)
  })

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses the count %d', count => {
    const faults = new Faults()
    expect(() => faults.inject(RESET, { count })).toThrow(RangeError)
    expect(faults.take('a')).toBeUndefined()
  })
})
