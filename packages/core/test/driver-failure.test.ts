import { expect, test } from 'vitest'
import { DriverFinding, refused, retryAfterMs } from '../src/index.ts'

test('a refusal is final and without effect, unless it says otherwise', () => {
  expect(refused('not_found')).toEqual({ code: 'not_found', retryable: false, effect: 'none' })
  expect(new DriverFinding(refused('corrupt', { effect: 'unknown' })).failure).toEqual({ code: 'corrupt', retryable: false, effect: 'unknown' })
})

test('Retry-After is seconds or a date; what is neither says nothing', () => {
  expect(retryAfterMs('2')).toBe(2_000)
  expect(retryAfterMs('0')).toBe(0)
  expect(retryAfterMs('-1')).toBe(0)
  expect(retryAfterMs(new Date(0).toUTCString())).toBe(0)
  const wait = retryAfterMs(new Date(Date.now() + 3_600_000).toUTCString()) ?? 0
  expect(wait > 3_500_000 && wait <= 3_600_000).toBe(true)
  expect([undefined, null, '', ' ', 'soon', 7].map(header => retryAfterMs(header))).toEqual(Array.from({ length: 6 }))
})
