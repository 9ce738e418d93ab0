import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { commandLine, endOf, MAIN, type Started } from './support/command-line.ts'

// `run` stands between a shell and a command: neither may notice it.

vi.setConfig({ testTimeout: 180_000 })

const folder = mkdtempSync(join(tmpdir(), 'strongroom-run-'))
const MY_STORE_KEY = Buffer.alloc(32, 7).toString('base64')
const OWN = { STRONGROOM_ACCOUNT: 'acme', STRONGROOM_ACTOR: 'ada', MY_STORE_KEY }
const command = (args: readonly string[], more: Started = {}) => commandLine(folder, args, { ...more, environment: { ...OWN, ...more.environment } })

/** Whatever a test that fails leaves behind. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // All have ended.
  }
}

/** Tells each signal that it gets, and ends at the first SIGTERM with the code 9. */
const LISTENER = `
const names = ['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH']
for (const name of names) process.on(name, () => console.log(name))
process.on('SIGTERM', () => process.exit(9))
setInterval(() => {}, 1000)
console.log('ready')
`
/** Ends a while after the first Ctrl-C, and tells how many there were. */
const COUNTER = `
let count = 0
process.on('SIGINT', () => { count += 1; if (count === 1) setTimeout(() => { console.log('count=' + count); process.exit(0) }, 700) })
setInterval(() => {}, 1000)
console.log('ready')
`

beforeAll(async () => {
  writeFileSync(
    join(folder, 'strongroom.yaml'),
    'stores: { main: { type: local, path: ./store, key: { env: MY_STORE_KEY } } }\nmetadata: sqlite:./meta.db\n',
  )
  writeFileSync(join(folder, 'listener.mjs'), LISTENER)
  writeFileSync(join(folder, 'counter.mjs'), COUNTER)
  expect(await command(['create', 'db-pass'], { input: 'p@ss' })).toMatchObject({ code: 0 })
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('what follows its command is the command’s', () => {
  it.each([
    [['sh', '-c', 'exit 3'], { code: 3, out: '' }],
    [['echo', '-a', 'other', '--json', 'x'], { code: 0, out: '-a other --json x\n' }],
    [[process.execPath, '--version'], { code: 0, out: `${process.version}\n` }],
    [['echo', '-h'], { code: 0, out: '-h\n' }],
    [['--', 'echo', '--', '-h'], { code: 0, out: '-- -h\n' }],
    [['-a', 'acme', 'echo', '-a'], { code: 0, out: '-a\n' }],
    [['--env', 'PGPASSWORD=db-pass', 'sh', '-c', 'printf %s "$PGPASSWORD:$DB_PASS"'], { code: 0, out: 'p@ss:' }],
    [['-e', 'A=db-pass', '-e', 'B=db-pass', '--', 'sh', '-c', 'printf %s "$A:$B"'], { code: 0, out: 'p@ss:p@ss' }],
  ])('run %j', async (args, expected) => expect(await command(['run', ...args])).toMatchObject({ ...expected, err: '' }))

  it('its help says so', async () => {
    expect((await command(['run', '--help'])).out).toMatch(/^Usage: strongroom run \[options\] \[--\] <command> \[args\.\.\.\]\n/)
  })

  it('the options of the program may stand before and after any other command, and the later one counts', async () => {
    writeFileSync(join(folder, 'other.yaml'), 'stores: { main: "memory:" }\nmetadata: sqlite:./other.db\n')
    const keys = async (...args: readonly string[]) => ((JSON.parse((await command(args)).out) as { items: { key: string }[] }).items ?? []).length
    expect(await keys('list', '--json')).toBe(1)
    expect(await keys('--json', '-c', 'strongroom.yaml', 'list')).toBe(1)
    expect(await keys('-c', 'strongroom.yaml', 'list', '--json', '-c', 'other.yaml')).toBe(0)
    expect((await command(['audit', '--json', '-c', 'strongroom.yaml', 'verify'])).out).toMatch(/^\{"account":"acme","ok":true/)
    expect((await command(['audit', 'verify', '-c', 'strongroom.yaml', '--json'])).out).toMatch(/^\{"account":"acme","ok":true/)
  })
})

describe('signals', { timeout: 30_000 }, () => {
  it('Ctrl-C on a terminal reaches the command once, and what it makes of it is the exit code', async () => {
    const { code, screen } = await command(['run', '--', process.execPath, 'counter.mjs'], { terminal: [{ at: 'ready', keys: '\x03' }] })
    expect({ code, count: /count=\d+/.exec(screen)?.[0] }).toEqual({ code: 0, count: 'count=1' })
  })

  it.each(['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'] as const)(
    '%s, sent to it alone, reaches the command',
    async signal => {
      // In a session of its own: no terminal has it in front, whatever the tests are started from.
      const child = spawn(process.execPath, [MAIN, 'run', '--', process.execPath, 'listener.mjs'], {
        cwd: folder,
        env: { PATH: process.env['PATH'], ...OWN },
        stdio: 'pipe',
        detached: true,
      })
      const end = endOf(child)
      onTestFinished(() => killGroup(child.pid))
      let out = ''
      child.stdout.on('data', (data: Buffer) => {
        const before = out
        out += data.toString()
        if (!before.includes('ready') && out.includes('ready')) child.kill(signal)
        if (out.includes(signal)) child.kill('SIGTERM')
      })
      expect(await end).toEqual({ code: 9, out: `ready\n${signal}\n`, err: '' })
    },
  )
})

describe('its environment', () => {
  const printed = (name: string) => ['sh', '-c', `printf %s "\${${name}-unset}"`]

  it.each([
    ['path', 'PATH'],
    ['ld-preload', 'LD_PRELOAD'],
    ['node-options', 'NODE_OPTIONS'],
    ['bash-env', 'BASH_ENV'],
    ['git-config-global', 'GIT_CONFIG_GLOBAL'],
    ['strongroom-config', 'STRONGROOM_CONFIG'],
  ])('a secret %s does not become %s by itself', async (key, name) => {
    expect(await command(['create', key, '-a', key], { input: '/nowhere' })).toMatchObject({ code: 0 })
    const refused = await command(['run', '-a', key, 'echo', 'ran'])
    expect(refused).toMatchObject({ code: 2, out: '' })
    expect(refused.err).toContain(`"${key}" would be ${name}`)
    expect(refused.err).toContain('--env')
    expect(await command(['run', '-a', key, '--env', `OTHER=${key}`, ...printed('OTHER')])).toMatchObject({ code: 0, out: '/nowhere' })
  })

  it('whoever names a variable may name any', async () => {
    expect(await command(['run', '--env', 'NODE_PATH=db-pass', ...printed('NODE_PATH')])).toMatchObject({ code: 0, out: 'p@ss' })
  })

  it('has no credential of the configuration, but for what is to be kept', async () => {
    expect(await command(['run', ...printed('MY_STORE_KEY')])).toMatchObject({ code: 0, out: 'unset', err: '' })
    const STRONGROOM_LOCAL_KEY = MY_STORE_KEY
    expect(await command(['run', ...printed('STRONGROOM_LOCAL_KEY')], { environment: { STRONGROOM_LOCAL_KEY } })).toMatchObject({ out: 'unset' })
    expect(await command(['run', '--keep', 'MY_STORE_KEY', ...printed('MY_STORE_KEY')])).toMatchObject({ code: 0, out: MY_STORE_KEY })
    const nested = ['run', '--keep', 'MY_STORE_KEY', process.execPath, MAIN, 'read', 'db-pass']
    expect(await command(nested)).toMatchObject({ code: 0, out: 'p@ss', err: '' })
    expect(await command(['run', ...printed('MINE')], { environment: { MINE: 'stays' } })).toMatchObject({ out: 'stays' })
  })

  it('holds any text, also what stands for a character that could not be read', async () => {
    await command(['create', 'odd', '-a', 'odd'], { input: 'a\uFFFDb\uFEFF' })
    expect(await command(['run', '-a', 'odd', ...printed('ODD')])).toMatchObject({ code: 0, out: 'a\uFFFDb\uFEFF' })
    await command(['create', 'bytes', '-a', 'bytes'], { input: Uint8Array.of(0x61, 0xff) })
    const refused = await command(['run', '-a', 'bytes', 'echo', 'ran'])
    expect(refused).toMatchObject({ code: 2, out: '' })
    expect(refused.err).toContain('"bytes" is no text')
  })
})
