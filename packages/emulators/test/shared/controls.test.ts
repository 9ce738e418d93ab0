import { describe, expect, test } from 'vitest'
import { MovableClock } from '../../src/shared/clock.ts'
import { Controls } from '../../src/shared/controls.ts'

describe('the clock', () => {
  test('is the machine’s, and further ahead after each advance', () => {
    const clock = new MovableClock()
    const before = Date.now()
    const now = clock.now()
    expect(now >= before && now <= Date.now()).toBe(true)
    clock.advance(60_000)
    clock.advance(0)
    clock.advance(0.5)
    expect(clock.now() - now).toBeGreaterThanOrEqual(60_000.5)
    expect(clock.now()).toBeLessThanOrEqual(Date.now() + 60_000.5)
  })

  test.each([-1, Number.NaN, Number.NEGATIVE_INFINITY])('does not advance by %d', ms => {
    const clock = new MovableClock()
    expect(() => clock.advance(ms)).toThrow(RangeError)
    expect(clock.now()).toBeLessThanOrEqual(Date.now())
  })
})

describe('permissions', () => {
  test('who gives no credential is nobody', () => {
    const controls = new Controls()
    expect([controls.accessOf(undefined, 'Read'), controls.accessOf('', 'Read')]).toEqual(['unauthenticated', 'unauthenticated'])
  })

  test('as long as nothing was permitted, everybody may do everything', () => {
    expect(new Controls().accessOf('anybody', 'Read')).toBe('allowed')
  })

  test('then only those who were permitted, and only what they were', () => {
    const controls = new Controls()
    controls.permit('writer', { operations: ['Write'] })
    controls.permit('owner')
    controls.permit('nothing', { operations: [] })
    const ask = (credential: string): readonly string[] => ['Read', 'Write'].map(operation => controls.accessOf(credential, operation))
    expect(ask('writer')).toEqual(['denied', 'allowed'])
    expect(ask('owner')).toEqual(['allowed', 'allowed'])
    expect(ask('nothing')).toEqual(['denied', 'denied'])
    expect(ask('anybody')).toEqual(['unauthenticated', 'unauthenticated'])
  })

  test('the last word about a credential counts', () => {
    const controls = new Controls()
    controls.permit('one', { operations: ['Read'], expiresInMs: 0 })
    expect(controls.accessOf('one', 'Read')).toBe('unauthenticated')
    controls.permit('one', { operations: ['Write'] })
    expect([controls.accessOf('one', 'Read'), controls.accessOf('one', 'Write')]).toEqual(['denied', 'allowed'])
  })

  test('a credential expires by the clock', () => {
    const controls = new Controls()
    controls.permit('short', { expiresInMs: 60_000 })
    controls.permit('long')
    controls.clock.advance(30_000)
    expect(controls.accessOf('short', 'Read')).toBe('allowed')
    controls.clock.advance(30_000)
    expect([controls.accessOf('short', 'Read'), controls.accessOf('long', 'Read')]).toEqual(['unauthenticated', 'allowed'])
  })
})

describe('the rest', () => {
  test('faults are taken by operation, and forgotten', () => {
    const controls = new Controls()
    controls.inject({ kind: 'reset' }, { operations: ['Write'] })
    expect(controls.takeFault('Read')).toBeUndefined()
    expect(controls.takeFault('Write')).toEqual({ kind: 'reset' })
    controls.inject({ kind: 'lose' }, { count: 2 })
    controls.clearFaults()
    expect(controls.takeFault('Write')).toBeUndefined()
  })

  test('requests are the journal’s, and there is no lag', () => {
    const controls = new Controls()
    controls.journal.push({ at: 0, operation: 'Read', name: 'a', answered: 200, fault: undefined })
    expect([controls.requests, controls.lag]).toEqual([1, { latest: 0, lists: 0 }])
  })
})
