import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { spawn as spawnTerminal } from '@lydell/node-pty'
import type { VersionId } from '@strongroom/core'
import { localSecretStore } from '@strongroom/local'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

// The command as people meet it, as built: a process of its own, with pipes, with a terminal, with a signal.

vi.setConfig({ testTimeout: 180_000 })

const ARGUMENTS = [fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))]
const COMMANDS = [
  'init',
  'create',
  'list',
  'get',
  'update',
  'delete',
  'read',
  'export',
  'audit',
  'audit list',
  'audit verify',
  'audit export',
  'versions',
  'rollback',
  'run',
  'maintain',
  'pending',
  'reconcile',
  'completion',
  'serve',
  'migrate',
  'drop-old-copies',
  'adopt',
]

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'strongroom-cli-'))
  writeFileSync(
    join(folder, 'strongroom.yaml'),
    'stores: { main: { type: local, path: ./store } }\nwriteTo: main\nmetadata: { type: sqlite, path: ./meta.db }\n',
  )
})
afterAll(() => rmSync(folder, { recursive: true }))

const environment = { PATH: process.env['PATH'], HOME: tmpdir(), STRONGROOM_ACCOUNT: 'acme', STRONGROOM_ACTOR: 'ada', NO_COLOR: '1' }

function start(args: readonly string[], more: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [...ARGUMENTS, ...args], { cwd: folder, env: { ...environment, ...more }, stdio: 'pipe' })
}

async function ended(child: ChildProcessWithoutNullStreams): Promise<{ readonly code: number | null; readonly out: Buffer; readonly err: string }> {
  const code = new Promise<number | null>(done => child.once('close', done))
  const [out, err] = await Promise.all([buffer(child.stdout), buffer(child.stderr)])
  return { code: await code, out, err: err.toString() }
}

async function run(args: readonly string[], input: string | Uint8Array = '', more: NodeJS.ProcessEnv = {}) {
  const child = start(args, more)
  child.stdin.end(input)
  const { code, out, err } = await ended(child)
  return { code, out: out.toString(), bytes: out, err }
}

async function json(args: readonly string[], input: string | Uint8Array = ''): Promise<Record<string, unknown>> {
  const { code, out, err } = await run([...args, '--json'], input)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out) as Record<string, unknown>
}

/** On a pseudo-terminal: answers what asks for `typed`. */
async function onTerminal(args: readonly string[], typed: { readonly at: string; readonly keys: string } | undefined, columns: number = 80) {
  const terminal = spawnTerminal(process.execPath, [...ARGUMENTS, ...args], {
    cwd: folder,
    env: environment as Record<string, string>,
    cols: columns,
    rows: 40,
  })
  let screen = ''
  let isTyped = false
  terminal.onData(data => {
    screen += data
    if (typed === undefined || isTyped || !screen.includes(typed.at)) return
    isTyped = true
    terminal.write(typed.keys)
  })
  const code = await new Promise<number>(done => terminal.onExit(({ exitCode }) => done(exitCode)))
  return { code, screen }
}

describe('help', () => {
  it.each([[[]], ...COMMANDS.map(command => [command.split(' ')])])('%j', async args => {
    const { code, out, err } = await run([...args, '--help'], '', { STRONGROOM_ACCOUNT: '', STRONGROOM_ACTOR: '' })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    await expect(out).toMatchFileSnapshot(`help/${args.length === 0 ? 'strongroom' : args.join('-')}.txt`)
    expect(Math.max(...out.split('\n').map(line => line.length))).toBeLessThanOrEqual(150)
  })
})

it('says its version', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string }
  expect(await run(['--version'])).toMatchObject({ code: 0, out: `${version}\n`, err: '' })
})

describe('a secret', () => {
  it('is created, listed, shown, read, updated, deleted and audited', async () => {
    const made = await json(['create', 'stripe', '--description', 'the key'], 'first value\n')
    expect(made).toMatchObject({ key: 'stripe', description: 'the key', revision: 1, createdBy: { id: 'ada', type: 'user' }, updatedAt: null })
    expect((await run(['read', 'stripe'])).out).toBe('first value')
    expect(await json(['list'])).toMatchObject({ items: [{ key: 'stripe' }], total: 1 })
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    writeFileSync(join(folder, 'value.bin'), bytes)
    expect(await json(['update', 'stripe', '--file', 'value.bin', '--if-revision', '1'])).toMatchObject({ revision: 2, description: 'the key' })
    expect(new Uint8Array((await run(['read', 'stripe'])).bytes)).toEqual(bytes)
    expect(await json(['update', 'stripe', '--description', ''])).toMatchObject({ revision: 3, description: null })
    expect(await json(['get', 'stripe'])).toMatchObject({ id: made['id'], revision: 3 })
    expect(await json(['audit', 'verify'])).toMatchObject({ ok: true })
    const trail = (await run(['audit', 'list', '--json'])).out.trim().split('\n')
    expect(trail.map(line => (JSON.parse(line) as { action: string }).action)).toContain('secret.read_value')
    expect(await json(['delete', 'stripe', '--if-revision', '3'])).toEqual({ deleted: made['id'] })
    expect(await json(['maintain'])).toMatchObject({ backlog: 0, needsAttention: [] })
    expect((await run(['pending', '--json'])).out).toBe('')
    for (const file of ['meta.db', 'meta.db-wal']) {
      const kept = readFileSync(join(folder, file), { flag: 'a+' })
      expect(kept.includes('first value')).toBe(false)
    }
  })

  it('keeps what is piped in but for one line break at its end', async () => {
    for (const [index, [piped, kept]] of [
      ['a\n\n', 'a\n'],
      ['b\r\n', 'b'],
      ['c', 'c'],
      [' d ', ' d '],
    ].entries()) {
      await json(['create', `piped-${index}`], piped)
      expect((await run(['read', `piped-${index}`])).out).toBe(kept)
    }
  })
})

it('rolls back, mends what an outsider did, and says what it compared', async () => {
  await json(['create', 'rolled'], 'first')
  await json(['update', 'rolled'], 'second')
  const [, older] = (await json(['versions', 'rolled'])) as unknown as readonly { readonly version: string; readonly committed: boolean }[]
  expect(older).toMatchObject({ committed: false, revision: 1, committedBy: { id: 'ada' } })
  expect(await json(['rollback', 'rolled', older?.version ?? ''])).toMatchObject({ record: { revision: 3 }, outsiders: 'follow' })
  expect((await run(['read', 'rolled'])).out).toBe('first')
  const [, other] = (await json(['versions', 'rolled'])) as unknown as readonly { readonly version: string }[]
  expect(await json(['rollback', 'rolled', other?.version ?? '', '--put-again'])).toMatchObject({ record: { revision: 4 }, outsiders: 'follow' })
  expect((await run(['read', 'rolled'])).out).toBe('second')
  expect((await run(['rollback', 'rolled', 'no-such-version'])).code).toBe(4)
  await json(['maintain']) // what fell out is destroyed
  const path = String((await json(['get', 'rolled']))['cloudSecretPath']).split('#')[1] ?? ''
  await using store = localSecretStore({ path: join(folder, 'store') }, { naming: 'native' })
  await store.put(path, 'an outsider')
  const looked = await run(['reconcile', '--grace', '0', '--json'])
  const found = looked.out.trim().split('\n')
  expect(found.map(line => JSON.parse(line) as unknown)).toMatchObject([{ kind: 'drift', key: 'rolled', repair: 'none' }, { findings: { drift: 1 } }])
  expect([looked.code, looked.err]).toEqual([1, ''])
  expect(await run(['reconcile', '--grace', '0', '--repair', 'drift'])).toMatchObject({ code: 0, out: expect.stringContaining('1 queued') as string })
  await json(['maintain'])
  expect((await store.get(path)).value.revealText()).toBe('second')
  // The outsider's version is still there, and nobody but its owner knows whether it is wanted.
  const left = await run(['reconcile', '--grace', '0'])
  const stray = (await run(['reconcile', '--grace', '0', '--json'])).out.split('\n')[0] ?? ''
  const { version } = JSON.parse(stray) as { readonly version: VersionId }
  expect(left.code).toBe(1)
  expect(left.out).toMatch(/^stray +main +acme +rolled +not_possible +version/m)
  expect(left.out.replaceAll(/\s/g, '')).toContain(`version${version}:`)
  await store.destroyVersion(path, version)
  expect(await run(['reconcile', '--grace', '0'])).toMatchObject({ code: 0, out: expect.stringContaining('no difference') as string })
})

describe('the name of a store', () => {
  it.each([
    [['drop-old-copies', 'typo']],
    [['migrate', '--from', 'typo']],
    [['migrate', '--from', 'main', '--to', 'typo']],
    [['migrate', '--plan', '--from', 'typo']],
    [['adopt', '--store', 'typo']],
    [['reconcile', '--store', 'typo']],
    [['doctor', '--store', 'typo']],
    [['conformance', '--store', 'typo']],
  ])('that the configuration has not is refused with those that it has: %j', async args => {
    expect(await run(args)).toMatchObject({ code: 2, out: '', err: 'strongroom: there is no store "typo"; there are main\n' })
  })

  it('is guessed where it is nearly right, and of two that are one it is said where the other came from', async () => {
    expect((await run(['drop-old-copies', 'mian'])).err).toBe('strongroom: there is no store "mian"; did you mean main?; there are main\n')
    const both = 'strongroom: --from and --to are two stores, and both are main'
    expect(await run(['migrate', '--from', 'main', '--to', 'main'])).toMatchObject({ code: 2, err: `${both}\n` })
    expect(await run(['migrate', '--from', 'main'])).toMatchObject({ code: 2, err: `${both}: without --to it is the one of writeTo\n` })
  })
})

describe('run', () => {
  const account = ['--account', 'runner']
  const shell = (script: string, ...more: readonly string[]) => run(['run', ...account, ...more, '--', 'sh', '-c', script])

  it('gives a command the secrets as variables, and its exit code is the command’s', async () => {
    await json(['create', 'db-pass', ...account], 'p@ss')
    await json(['create', 'k2', ...account], 'two\nlines\n')
    expect(await shell('printf %s "[$DB_PASS][$K2]"; exit 7')).toMatchObject({ code: 7, out: '[p@ss][two\nlines]', err: '' })
    expect(await shell('printf %s "[$PGPASSWORD][$K2]"', '--env', 'PGPASSWORD=db-pass')).toMatchObject({ code: 0, out: '[p@ss][]' })
    expect((await shell('kill -9 $$')).code).toBe(137)
    expect((await run(['run', ...account, '--', 'no-such-command'])).code).toBe(2)
    expect((await shell('true', '--env', 'X=nobody')).code).toBe(4)
    expect((await shell('true', '--env', 'X')).code).toBe(2)
  })

  it('refuses what cannot be a variable, and names that meet', async () => {
    writeFileSync(join(folder, 'bytes.bin'), Uint8Array.of(0x61, 0, 0x62))
    await json(['create', 'bytes', '--account', 'other', '--file', 'bytes.bin'])
    const refused = await run(['run', '--account', 'other', '--', 'true'])
    expect(refused).toMatchObject({ code: 2, out: '' })
    expect(refused.err).toContain('"bytes"')
  })

  it('passes a signal on, and waits for the command to end by itself', async () => {
    const child = start(['run', ...account, '--', 'sh', '-c', 'trap "echo stopped; exit 3" TERM; echo started; while :; do sleep 0.05; done'])
    let out = ''
    await new Promise<void>(done => child.stdout.on('data', (data: Buffer) => ((out += data.toString()).includes('started') ? done() : undefined)))
    child.kill('SIGTERM')
    const code = await new Promise(done => child.once('close', done))
    expect({ code, out }).toEqual({ code: 3, out: 'started\nstopped\n' })
  })
})

// A container is often told to run as a number that no name belongs to; only root can start a process as another.
it.skipIf(process.getuid?.() !== 0)('names a user without a name by the number', async () => {
  const own = mkdtempSync(join(tmpdir(), 'strongroom-nobody-'))
  try {
    const uid = 54_321
    writeFileSync(join(own, 'strongroom.yaml'), 'stores: { main: local:./store }\nmetadata: sqlite:./meta.db\n')
    chownSync(own, uid, uid)
    const { STRONGROOM_ACTOR: _, HOME: __, ...nameless } = environment
    const nobody = async (...args: readonly string[]) => {
      const child = spawn(process.execPath, [...ARGUMENTS, ...args], { cwd: own, env: nameless, stdio: 'pipe', uid, gid: uid })
      child.stdin.end('v')
      const { code, out, err } = await ended(child)
      return { code, out: out.toString(), err }
    }
    const made = await nobody('create', 'mine', '--json')
    expect(made).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(made.out)).toMatchObject({ createdBy: { id: 'uid-54321' } })
    expect(JSON.parse((await nobody('create', 'ours', '--actor', 'ada', '--json')).out)).toMatchObject({ createdBy: { id: 'ada' } })
    expect(await nobody('reconcile', '--json')).toMatchObject({ code: 0, err: '' })
    writeFileSync(join(own, 'vault.yaml'), 'stores: { main: "vault://127.0.0.1:1/secret" }\nmetadata: sqlite:./meta.db\n')
    const homeless = await nobody('list', '-c', 'vault.yaml')
    expect(homeless.code).toBe(3)
    expect(homeless.err).toContain('found the file ~/.vault-token, which cannot be read')
  } finally {
    rmSync(own, { recursive: true })
  }
})

describe('exit codes', () => {
  it.each([
    ['a command that is not there', ['lst'], 2],
    ['an option that is not there', ['list', '--limt', '3'], 2],
    ['no account', ['list', '--account', ''], 2],
    ['a number that is none', ['list', '--limit', 'many'], 2],
    ['a key that is not allowed', ['create', 'Not Allowed'], 2],
    ['an empty value', ['create', 'empty', '--file', 'no-such-file'], 2],
    ['no configuration', ['list', '-c', 'nowhere.yaml'], 3],
    ['no such secret', ['get', 'nobody'], 4],
    ['no such secret to read', ['read', 'nobody'], 4],
  ] as const)('%s', async (_, args, code) => {
    const answer = await run(args, 'v')
    expect(answer.code).toBe(code)
    expect(answer.out).toBe('')
    expect(answer.err).not.toMatch(/^\s+at /m)
    expect(answer.err.trim()).not.toBe('')
  })

  it.each([
    [['migrate', '--from', 'main', '--grace', '400d'], 'at most 366d, or keep'],
    [['migrate', '--from', 'main', '--grace', '24'], 'a time such as 90m, 24h or 7d'],
    [['reconcile', '--grace', '31d'], 'at most 30d'],
    [['reconcile', '--grace', '9999999999'], 'at most 30d'],
  ])('a time that is too long, in the words of the command: %j', async (args, allowed) => {
    const { code, err } = await run(args)
    expect(code).toBe(2)
    expect(err).toContain(allowed)
    expect(err).not.toContain('graceMs')
  })

  it('a time with a unit', async () => {
    expect((await run(['reconcile', '--grace', '90m'])).code).toBe(0)
    expect((await run(['reconcile', '--grace', '0'])).code).toBe(0)
  })

  it('a key that is taken, and another revision', async () => {
    await json(['create', 'taken'], 'v')
    expect((await run(['create', 'taken'], 'v')).code).toBe(6)
    expect((await run(['update', 'taken', '--if-revision', '9'], 'w')).code).toBe(6)
  })
})

describe('a terminal', () => {
  it('is asked for a value that it does not show, and shows one only when told to', async () => {
    const made = await onTerminal(['create', 'typed'], { at: 'Value', keys: 'hunter2hunter2\r' })
    expect(made.screen).not.toContain('hunter2')
    expect(made.code).toBe(0)
    expect((await run(['read', 'typed'])).out).toBe('hunter2hunter2')
    const refused = await onTerminal(['read', 'typed'], undefined)
    expect(refused.code).toBe(2)
    expect(refused.screen).toContain('--reveal')
    expect(refused.screen).not.toContain('hunter2')
    expect((await onTerminal(['read', 'typed', '--reveal'], undefined)).screen).toContain('hunter2hunter2')
  })

  it('Ctrl-C at the prompt makes nothing', async () => {
    const left = await onTerminal(['create', 'never'], { at: 'Value', keys: '\x03' })
    expect(left.code).toBe(130)
    expect((await run(['get', 'never'])).code).toBe(4)
  })

  it('gets tables that fit it', async () => {
    await json(['create', 'with-a-long-description', '--description', 'words '.repeat(60).trim()], 'v')
    const { screen } = await onTerminal(['list'], undefined, 72)
    const lines = screen.split(/\r?\n/)
    expect(lines.length).toBeGreaterThan(8)
    // oxlint-disable-next-line no-control-regex
    expect(Math.max(...lines.map(line => line.replaceAll(/\x1b\[[0-9;?]*[A-Za-z]/g, '').length))).toBeLessThanOrEqual(72)
  })
})

it('maintain --watch repeats until it is told to stop, and ends cleanly', async () => {
  const child = start(['maintain', '--watch', '--interval', '50', '--json'])
  let lines = 0
  await new Promise<void>(done =>
    child.stdout.on('data', (data: Buffer) => ((lines += data.toString().split('\n').length - 1) >= 3 ? done() : undefined)),
  )
  child.kill('SIGINT')
  const { code, err } = await ended(child)
  expect({ code, err }).toEqual({ code: 0, err: '' })
})
