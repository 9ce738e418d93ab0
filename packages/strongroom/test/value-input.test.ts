import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { TypedValue } from '../src/cli/typed-value.ts'
import { commandLine, endOf, startCommand, type Started } from './support/command-line.ts'

// What is kept is what was given: byte for byte, or nothing.

vi.setConfig({ testTimeout: 60_000 })

const PASTE = { begins: '\u001b[200~', ends: '\u001b[201~' }
const PEM = `-----BEGIN PRIVATE KEY-----\n\t${'ab+/'.repeat(16)}\nné漢=\n-----END PRIVATE KEY-----`

const folder = mkdtempSync(join(tmpdir(), 'strongroom-value-'))
const OWN = { STRONGROOM_ACCOUNT: 'acme', STRONGROOM_ACTOR: 'ada' }
const command = (args: readonly string[], more: Started = {}) => commandLine(folder, args, { ...more, environment: OWN })
/** Types when it is asked for a value. */
const typed = (key: string, keys: string) => command(['create', key], { terminal: [{ at: 'Value', keys }] })
const kept = async (key: string) => (await command(['read', key])).out

beforeAll(() =>
  writeFileSync(join(folder, 'strongroom.yaml'), 'stores: { main: { type: local, path: ./store, limits: native } }\nmetadata: sqlite:./meta.db\n'),
)
afterAll(() => rmSync(folder, { recursive: true }))

describe('the prompt', () => {
  it.each([
    ['lines that a terminal says are pasted', `${PASTE.begins}${PEM.replaceAll('\n', '\r')}${PASTE.ends}\r`, PEM],
    ['the same with other line breaks, and one at the end', `${PASTE.begins}${PEM.replaceAll('\n', '\r\n')}\r\n${PASTE.ends}\r`, PEM],
    ['a tab', 'a\tb\r', 'a\tb'],
    ['what is typed around a paste', `<${PASTE.begins}a\rb${PASTE.ends}>\r`, '<a\nb>'],
    ['what is left after a mistake', 'wrong\u0015rigthé\u007f\u007f\u007fht\r', 'right'],
    ['ends with a line feed, as Enter is for some', 'typed\n', 'typed'],
  ])('keeps %s', async (name, keys, value) => {
    const key = name.replaceAll(/[^a-z]+/g, '-')
    const { code, screen } = await typed(key, keys)
    expect(code, screen).toBe(0)
    for (const line of value.split('\n')) expect(screen).not.toContain(line.trim())
    // The terminal is left as it was.
    expect(screen).toContain('\u001b[?2004l')
    expect(await kept(key)).toBe(value)
  })

  it.each([
    ['lines ended by Enter', 'line1\rline2\rline3'],
    ['lines ended by line feeds', 'line1\nline2\nline3\n'],
    ['a control character', 'a\u0001b\r'],
    ['a key that writes nothing in the middle of text', 'ab\u001b[Dc\r'],
  ])('refuses %s, keeps nothing, and names --file', async (_, keys) => {
    const { code, screen } = await typed('refused', keys)
    expect(code, screen).toBe(2)
    expect(screen).toContain('--file')
    expect(screen).not.toContain('line2')
    expect((await command(['get', 'refused'])).code).toBe(4)
  })

  it('refuses more than any store takes', async () => {
    const { code, screen } = await typed('refused', `${PASTE.begins}${'x'.repeat(65_537)}${PASTE.ends}\r`)
    expect(code).toBe(2)
    expect(screen).toContain('more than 65536 bytes')
  })

  it.each([
    ['Ctrl-C', '\u0003'],
    ['Escape', '\u001b'],
    ['Ctrl-D', '\u0004'],
    ['Ctrl-C after some text', 'text\u0003'],
  ])('%s leaves it', async (_, keys) => {
    expect((await typed('left', keys)).code).toBe(130)
    expect((await command(['get', 'left'])).code).toBe(4)
  })

  it('does not stand in the answer', async () => {
    const { code, screen } = await command(['create', 'answered', '--json'], { terminal: [{ at: 'Value', keys: 'v\r' }] })
    expect(code).toBe(0)
    expect(screen).toMatch(/Value \(is not shown; Enter ends it\): .*\r\n.*\{"id":/s)
  })
})

describe('keys', () => {
  const limit = 100
  const bytes = (text: string) => Buffer.from(text)

  it('make the same value wherever the terminal cuts them', () => {
    const keys = bytes(`é\u007fa\t${PASTE.begins}x\r\ny\rz\n${PASTE.ends}ü\r`)
    for (let cut = 1; cut < keys.length; cut += 1) {
      const one = new TypedValue(limit)
      const typing = [keys.subarray(0, cut), keys.subarray(cut)].map(part => one.take(part, () => expect.unreachable()))
      const value = Buffer.from(one.bytes).toString()
      expect({ cut, typing, value, problem: one.problem, rest: one.rest }).toEqual({
        cut,
        typing: ['more', 'entered'],
        value: 'a\tx\ny\nz\nü',
        problem: undefined,
        rest: '',
      })
    }
  })

  it('keep any bytes that are pasted, also what is no text', () => {
    const one = new TypedValue(limit)
    const odd = Uint8Array.of(0x00, 0xff, 0x1b, 0x03, 0x5b)
    expect(one.take(Buffer.concat([bytes(PASTE.begins), odd, bytes(`${PASTE.ends}\r`)]), () => expect.unreachable())).toBe('entered')
    expect(new Uint8Array(one.bytes)).toEqual(odd)
  })

  it('that write nothing are told of, and are no part of the value', () => {
    const one = new TypedValue(limit)
    let told = 0
    for (const key of ['a', '\u001b[A', '\u001bOP', '\u0001', 'b', '\r']) one.take(bytes(key), () => (told += 1))
    expect({ told, value: Buffer.from(one.bytes).toString(), problem: one.problem }).toEqual({ told: 3, value: 'ab', problem: undefined })
  })
})

describe('a file or a pipe', () => {
  it('is read no further than a store takes', async () => {
    expect((await command(['create', 'widest'], { input: `${'x'.repeat(65_536)}\r\n` })).code).toBe(0)
    for (const [args, input] of [
      [['create', 'wider', '--file', '/dev/zero'], ''],
      [['create', 'wider'], 'x'.repeat(65_537)],
      [['create', 'wider'], 'x'.repeat(1_000_000)],
      [['update', 'widest', '--file', '/dev/zero'], ''],
    ] as const) {
      const refused = await command(args, { input })
      expect(refused).toMatchObject({ code: 2, out: '' })
      expect(refused.err).toContain('the value has more than 65536 bytes')
    }
    expect((await kept('widest')).length).toBe(65_536)
  })

  it('may be a named pipe', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const child = startCommand(folder, ['create', 'piped', '--file', 'pipe'], OWN)
    const end = endOf(child)
    execFileSync('sh', ['-c', 'printf "from a pipe" > "$1"', 'sh', pipe])
    expect(await end).toMatchObject({ code: 0, err: '' })
    expect(await kept('piped')).toBe('from a pipe')
  })

  it.each([
    ['a pipe', []],
    ['a named pipe that nobody writes to', ['--file', 'silent']],
  ] as const)('%s that is waited for is left at the first signal, and no debugger is opened', async (_, more) => {
    if (more.length > 0) execFileSync('mkfifo', [join(folder, 'silent')])
    const child = startCommand(folder, ['create', 'waiting', ...more], OWN)
    onTestFinished(() => void child.kill('SIGKILL'))
    const end = endOf(child)
    // It has begun: before, a signal ends it as any process.
    await vi.waitFor(() => expect(existsSync(join(folder, 'meta.db-wal'))).toBe(true), { timeout: 30_000, interval: 50 })
    child.kill('SIGUSR1')
    child.kill('SIGTERM')
    expect(await end).toEqual({ code: 130, out: '', err: 'strongroom: strongroom: the caller aborted the call (aborted)\n' })
  })
})
