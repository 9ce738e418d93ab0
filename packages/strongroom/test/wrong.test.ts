import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ConfigError, openStrongroom } from '../src/index.ts'

const folder = fileURLToPath(new URL('wrong/', import.meta.url))
const files = readdirSync(folder)

/** What stands in these files in the place of credentials, and must not be in a message. */
const CREDENTIALS = [
  'hunter2',
  'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY',
  'hvs.',
  'bG9uZ2VyIHRoYW4',
  'PRIVATE KEY-----',
  'private_key: abc',
  '0123456789abcdef',
  'CAESIJabcdefghijklm',
  '1234567890123456',
]

describe('a configuration that is wrong', () => {
  it('is one of sixty at least', () => expect(files.length).toBeGreaterThanOrEqual(60))

  it.each(files)('%s', async file => {
    const expected = /^# expected: (.*)$/m.exec(readFileSync(folder + file, 'utf8'))?.[1]?.split('|') ?? []
    const error: unknown = await openStrongroom(folder + file, { environment: {} }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(ConfigError)
    const { message, code, problems } = error as ConfigError
    expect(code).toBe('misconfigured')
    expect(
      expected.some(part => message.includes(part)),
      message,
    ).toBe(true)
    expect(problems.length).toBeLessThanOrEqual(2)
    for (const line of message.split('\n')) expect(line).not.toMatch(/^\s+at /)
    for (const credential of CREDENTIALS) expect(message).not.toContain(credential)
  })
})
