import { isSecretError, SecretError, secretErrorCodes } from '@strongroom/core'
import { existsSync, readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { describe, expect, it, vi } from 'vitest'

const ERRORS_PAGE = new URL('../../../docs/errors.md', import.meta.url)

describe('SecretError', () => {
  it('makes its message from its fields alone', () => {
    const init = { code: 'throttled', retryable: true, effect: 'unknown', operation: 'get', store: 'memory:x', secretName: 'a "b"' } as const
    const stowaways = { message: 'MARKER', cause: new Error('MARKER'), stack: 'MARKER', request: { body: 'MARKER' } }
    const error = new SecretError({ ...init, ...stowaways })
    expect(error.message).toBe('get "a \\"b\\"" in memory:x: too many requests (throttled; it may have been applied)')
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('MARKER')
    expect(JSON.stringify(error)).not.toContain('MARKER')
    expect('cause' in error).toBe(false)
    expect(error.name).toBe('SecretError')
    expect(error).toBeInstanceOf(Error)
  })

  it.each(secretErrorCodes)('has a sentence for %s, and takes the hint in its place', code => {
    const plain = SecretError.refused(code, 'operation')
    expect(plain.message).toMatch(new RegExp(`^operation: .{5,} \\(${code}\\)$`))
    expect(SecretError.refused(code, 'operation', { hint: 'a hint' }).message).toBe(`operation: a hint (${code})`)
    expect(plain).toMatchObject({ code, retryable: false, effect: 'none', retryAfterMs: undefined, store: undefined, secretName: undefined })
  })

  it('has all codes of the architecture, in its order', () => {
    expect(secretErrorCodes.join(' ')).toBe(
      'invalid_argument unsupported too_large misconfigured not_found already_exists conflict idempotency_mismatch name_held version_unusable unauthenticated permission_denied throttled quota_exceeded unavailable corrupt unknown deadline_exceeded aborted closed',
    )
  })

  it.runIf(existsSync(ERRORS_PAGE))('has all its codes on the errors page', () => {
    const page = readFileSync(ERRORS_PAGE, 'utf8')
    expect(secretErrorCodes.filter(code => !page.includes(`\`${code}\``))).toEqual([])
  })

  it('is seen from another call with `in`, all else kept', () => {
    const inner = new SecretError({
      code: 'throttled',
      retryable: true,
      effect: 'unknown',
      retryAfterMs: 7,
      hint: 'h',
      operation: 'get',
      store: 's',
      secretName: 'n',
    })
    const outer = inner.in({ operation: 'registry.update', secretName: 'key' })
    expect(outer).toMatchObject({ ...inner, operation: 'registry.update', secretName: 'key' })
    expect(outer.stack).toContain('registry.update')
  })

  it('is recognised across two copies of the package, by its field', async () => {
    vi.resetModules()
    const copy = await import('../src/errors.ts')
    const theirs = copy.SecretError.refused('conflict', 'get')
    expect(theirs).not.toBeInstanceOf(SecretError)
    expect(isSecretError(theirs)).toBe(true)
    expect(isSecretError(theirs, 'conflict', 'closed')).toBe(true)
    expect(isSecretError(theirs, 'closed')).toBe(false)
  })

  it.each([undefined, null, 'strongroom.secret-error', 7, {}, new Error('conflict'), { code: 'conflict' }, { kind: 'other', code: 'conflict' }])(
    'does not take %s for one',
    other => {
      expect(isSecretError(other)).toBe(false)
      expect(isSecretError(other, 'conflict')).toBe(false)
    },
  )
})
