import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { spawn } from 'node:child_process'
import { spawn as spawnTerminal } from '@lydell/node-pty'
import type { DriverReport } from '@strongroom/conformance'
import { startAwsEmulator, type AwsEmulator } from '@strongroom/emulators/aws'
import { startVaultEmulator, type VaultEmulator } from '@strongroom/emulators/vault'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { commandLine, endOf, MAIN, startCommand } from './support/command-line.ts'

// The kit from the command line, as built.

vi.setConfig({ testTimeout: 180_000 })

let folder = ''
let vault: VaultEmulator
let aws: AwsEmulator
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'strongroom-conformance-'))
  ;[vault, aws] = await Promise.all([startVaultEmulator(), startAwsEmulator()])
  writeFileSync(
    join(folder, 'strongroom.yaml'),
    `
stores:
  main: { type: local, path: ./store }
  vault: { type: vault, address: "${vault.url}", prefix: team/kit-, auth: { method: token, token: { env: TOKEN } } }
  aws: { type: aws, region: eu-west-1, accountId: "${aws.accountId}", endpoint: "${aws.url}", credentials: { accessKeyId: { env: KEY_ID }, secretAccessKey: { env: SECRET } } }
writeTo: main
`,
  )
})
afterAll(async () => {
  await Promise.all([vault.stop(), aws.stop()])
  rmSync(folder, { recursive: true })
})

const environment = (): NodeJS.ProcessEnv => ({ TOKEN: vault.rootToken, KEY_ID: 'AKIAIOSFODNN7EXAMPLE', SECRET: 'only-for-tests' })
const run = (...args: readonly string[]) => commandLine(folder, ['conformance', ...args], { environment: environment() })
async function report(code: number, ...args: readonly string[]): Promise<DriverReport> {
  const answer = await run('--json', ...args)
  expect({ code: answer.code, err: answer.err }, answer.out).toEqual({ code, err: '' })
  return JSON.parse(answer.out) as DriverReport
}
const vaultKeys = async (): Promise<unknown> => {
  const answer = await fetch(`${vault.url}/v1/secret/metadata/?list=true`, { headers: { 'X-Vault-Token': vault.rootToken } })
  return answer.status
}

describe('conformance', () => {
  it('its help', async () => {
    const { code, out } = await run('--help')
    expect(code).toBe(0)
    await expect(out).toMatchFileSnapshot('help/conformance.txt')
  })

  it('of a URL: a summary by area, and why what was not asked was not', async () => {
    const { code, out, err } = await run('memory:')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^create +10 +0 +0$/m)
    expect(out).toContain('no faults hook: it needs a backend that fails on demand: ')
    expect(out).toContain('no second hook: ')
    expect(out).toMatch(/\d+ passed, 0 failed, \d+ skipped: what was asked is kept \(seed \d+\)\n$/)
  })

  it('of the store of writeTo: the kit’s own report as JSON', async () => {
    const { ok, driver, seed, cases } = await report(0, '--seed', '7', '--only', 'create', 'read/missing-is-not-found')
    expect({ ok, seed, driver }).toEqual({ ok: true, seed: 7, driver: { kind: 'local', location: `local:${join(folder, 'store')}` } })
    expect(cases.map(({ id }) => id.replace(/^create\/.*/, 'create'))).toEqual([
      ...Array.from({ length: 10 }, () => 'create'),
      'read/missing-is-not-found',
    ])
  })

  it('stays under the store’s prefix, and leaves nothing', async () => {
    vault.controls.journal.length = 0
    const { ok, passed } = await report(0, '--store', 'vault', '--only', 'create', 'append', 'list', 'remove', 'concurrency', 'location')
    expect(ok).toBe(true)
    expect(passed).toBeGreaterThan(30)
    const names = new Set(vault.controls.journal.flatMap(({ name }) => name ?? []))
    expect([...names].filter(name => !/^team\/(kit-|$)/.test(name))).toEqual([])
    expect(await vaultKeys()).toBe(404)
  })

  it('a case that fails: its own words, exit code 1; and lists that lag are waited for with --settle', async () => {
    aws.controls.lag.lists = 700
    const failed = await run('--store', 'aws', '--only', 'list/every-page')
    const { cases } = await report(1, '--store', 'aws', '--only', 'list')
    const one = cases.find(({ outcome }) => outcome === 'failed') ?? expect.fail('nothing failed')
    expect(failed.code).toBe(2)
    const text = await run('--store', 'aws', '--only', one.id)
    expect(text.code).toBe(1)
    expect(text.out).toContain(`FAILED ${one.id}\n  ${one.reason?.split('\n')[0]}`)
    expect(text.out).toContain('not conformant')
    const settled = await report(0, '--store', 'aws', '--only', one.id, '--settle', '5000')
    aws.controls.lag.lists = 0
    expect(settled.cases).toMatchObject([{ id: one.id, outcome: 'passed' }])
  })

  it('an interrupted run ends after the case under way, and what was made is removed', async () => {
    vault.controls.journal.length = 0
    const child = startCommand(folder, ['conformance', '--store', 'vault', '--json'], environment())
    const end = endOf(child)
    await vi.waitUntil(() => vault.controls.journal.some(({ operation }) => operation === 'WriteData'), { timeout: 60_000 })
    child.kill('SIGINT')
    const { code, out, err } = await end
    expect(code).toBe(130)
    expect(err).toContain('removes what was made')
    expect(JSON.parse(out)).toMatchObject({ ok: false, problems: [expect.stringMatching(/^interrupted after \d+ of \d+ cases$/)] })
    expect(await vaultKeys()).toBe(404)
  })

  it('shows on a terminal where it is', async () => {
    const terminal = spawnTerminal(process.execPath, [MAIN, 'conformance', 'memory:', '--only', 'create', 'append'], {
      cwd: folder,
      cols: 72,
      rows: 40,
    })
    let screen = ''
    terminal.onData(data => (screen += data))
    const code = await new Promise<number>(done => terminal.onExit(({ exitCode }) => done(exitCode)))
    expect(code).toBe(0)
    expect(screen).toMatch(/conformance {2}(?:\[=* *\] {2})?\d+\/21 cases {2}[\d.,]+\/s/)
    expect(screen.slice(screen.lastIndexOf('\x1b[2K'))).toMatch(/^\x1b\[2Kmemory: memory:/)
  })

  it('what cannot be asked at all', async () => {
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [['--store', 'nobody'], 2, 'there are main, vault, aws'],
      [['memory:', '--store', 'main'], 2, 'not both'],
      [['ftp://x'], 3, 'stores.main'],
      [['memory:', '--only', 'creat'], 2, 'did you mean create?'],
      [[`vault+http://127.0.0.1:1/secret?auth.method=token&auth.token.env=TOKEN`], 7, 'unavailable'],
      [[`${vault.url.replace('http:', 'vault+http:')}/secret?auth.method=token&auth.token.env=SECRET`], 5, 'unauthenticated'],
    ]
    for (const [args, code, said] of cases) {
      const answer = await run(...args)
      expect([answer.code, answer.out], answer.err).toEqual([code, ''])
      expect(answer.err).toContain(said)
      expect(answer.err).not.toMatch(/^\s+at /m)
    }
  })

  it('without the kit’s package, the command that installs it', async () => {
    const root = fileURLToPath(new URL('..', import.meta.url))
    const modules = join(folder, 'installed', 'node_modules')
    cpSync(dirname(dirname(MAIN)), join(modules, 'strongroom', 'dist'), { recursive: true })
    cpSync(join(root, 'package.json'), join(modules, 'strongroom', 'package.json'))
    mkdirSync(join(modules, '@strongroom'))
    for (const name of readdirSync(join(root, 'node_modules')))
      if (!name.startsWith('.') && name !== '@strongroom') symlinkSync(join(root, 'node_modules', name), join(modules, name))
    for (const name of ['core', 'local', 'sqlite']) symlinkSync(join(root, 'node_modules', '@strongroom', name), join(modules, '@strongroom', name))
    const child = spawn(process.execPath, [join(modules, 'strongroom', 'dist', 'cli', 'main.js'), 'conformance', 'memory:'], { stdio: 'pipe' })
    expect(await endOf(child)).toEqual({ code: 2, out: '', err: 'strongroom: the kit is not installed: npm install @strongroom/conformance\n' })
  })
})
