import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

  it.each([
    [
      'a name twice',
      '{\n  "stores": { "main": "memory:" },\n  "stores": { "other": "memory:" }\n}',
      'line 3, column 3: found a name that stands there twice',
    ],
    ['a comma that is missing', '{\n  "stores": { "main": "memory:" }\n  "id": "hunter2"\n}', 'line 3, column 3: found a mistake'],
    ['another one that is missing', '{\n  "policy": { "attempts": 3 "deadlineMs": 5 } }', 'line 2, column 27: found text without'],
    ['text without quotation marks', '{\n  "id": hunter2 }', 'line 2, column 9: found text without quotation marks'],
    ['an end that is missing', '{\n  "stores": { "main": "memory:" }\n', 'line 3, column 1: found a mistake'],
    ['a text that does not end', '{\n  "id": "hunter2', 'line 2, column 17: found a mistake'],
    ['a comma at the end', '{\n  "stores": { "main": "memory:" },\n}', 'line 3, column 1: found what YAML has'],
    ['a comment', '{\n  # hunter2\n  "stores": {} }', 'line 2, column 3: found what YAML has'],
    ['nothing', '', 'the whole: found'],
  ])('in JSON has its line and column: %s', async (_, text, expected) => {
    const place = mkdtempSync(join(tmpdir(), 'strongroom-wrong-'))
    const file = join(place, 'strongroom.json')
    writeFileSync(file, text)
    const error: unknown = await openStrongroom(file, { environment: {} }).catch((thrown: unknown) => thrown)
    rmSync(place, { recursive: true })
    expect(error).toBeInstanceOf(ConfigError)
    const { message } = error as ConfigError
    expect(message).toContain(`${file}: ${expected}`)
    expect(message).toContain('allowed: JSON')
    expect(message).not.toContain('hunter2')
  })
})
