import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startVaultEmulator } from '@strongroom/emulators/vault'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { commandLine, type Started } from './support/command-line.ts'

vi.setConfig({ testTimeout: 180_000 })

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'strongroom-init-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const command = (args: readonly string[], more: Started = {}) => commandLine(folder, args, more)
const written = (name: string = 'strongroom.yaml') => readFileSync(join(folder, name), 'utf8')
const ENTER = '\r'
const DOWN = '\x1b[B'

describe('without questions', () => {
  it('writes what is usual, makes a key that is the person’s alone, and opens it', async () => {
    const { code, out, err } = await command(['init', '--yes', '--account', 'acme'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('opened and checked: the store and the database answered')
    expect(out).toContain('export STRONGROOM_ACCOUNT=acme')
    expect(written()).toMatch(/^# yaml-language-server: \$schema=\S*node_modules\/strongroom\/config\.schema\.json\n/)
    expect(parse(written())).toEqual({
      stores: { main: { type: 'local', path: './store', key: { file: './strongroom.key' } } },
      writeTo: 'main',
      metadata: { type: 'sqlite', path: './meta.db' },
    })
    expect(statSync(join(folder, 'strongroom.key')).mode & 0o777).toBe(0o600)
    expect((await command(['create', 'first', '--account', 'acme'], { input: 'v' })).code).toBe(0)
    expect((await command(['read', 'first', '--account', 'acme'])).out).toBe('v')
  })

  it('refuses without a terminal and without options', async () => {
    const { code, err, out } = await command(['init'])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toBe('strongroom: there is no terminal to ask on: give --store, or --yes for what is usual\n')
    expect(existsSync(join(folder, 'strongroom.yaml'))).toBe(false)
  })

  it('never writes over a file, unless told to; a key that is there is kept', async () => {
    writeFileSync(join(folder, 'strongroom.yaml'), '# mine\n')
    const refused = await command(['init', '--yes'])
    expect(refused).toMatchObject({ code: 2, err: 'strongroom: strongroom.yaml is there already; --force writes it anew\n' })
    expect(written()).toBe('# mine\n')
    expect((await command(['init', '--yes', '--force'])).code).toBe(0)
    const key = readFileSync(join(folder, 'strongroom.key'), 'utf8')
    expect((await command(['init', '--yes', '--force'])).code).toBe(0)
    expect(readFileSync(join(folder, 'strongroom.key'), 'utf8')).toBe(key)
  })

  it('opens nothing while the key is not set, and says how to set it', async () => {
    const { code, out } = await command(['init', '--store', 'local:./elsewhere', '--local-key', 'env', '--metadata', 'none'])
    expect(code).toBe(0)
    expect(out).toContain('strongroom.yaml is written\nnot opened yet, since STRONGROOM_LOCAL_KEY is not set\n')
    expect(out).toContain('export STRONGROOM_LOCAL_KEY="$(openssl rand -base64 32)"')
    expect(existsSync(join(folder, 'elsewhere'))).toBe(false)
    const set = await command(['init', '--store', 'local:./elsewhere', '--local-key', 'env', '--force', '--json'], {
      environment: { STRONGROOM_LOCAL_KEY: Buffer.alloc(32, 1).toString('base64') },
    })
    expect(JSON.parse(set.out)).toEqual({ file: 'strongroom.yaml', keyFile: null, checked: true, unset: [] })
  })

  it('says what does not work, and leaves the file to be mended; the database has not bound the wrong place', async () => {
    const vault = await startVaultEmulator()
    try {
      const url = vault.url.replace('http:', 'vault+http:')
      const wrong = await command(['init', '--store', `${url}/nowhere`], { environment: { VAULT_TOKEN: 'wrong-token' } })
      expect(wrong.code).toBe(5)
      expect(wrong.err).toContain('strongroom.yaml is written, but it does not work yet')
      expect(wrong.err).not.toContain('wrong-token')
      const right = await command(['init', '--force', '--store', `${url}/secret`], { environment: { VAULT_TOKEN: vault.rootToken } })
      expect(right).toMatchObject({ code: 0, err: '' })
      expect(written()).not.toContain(vault.rootToken)
    } finally {
      await vault.stop()
    }
  })

  it.each([
    ['a store that is none', ['--store', 's3://bucket'], 2],
    ['a field that is none', ['--store', 'aws://eu-west-1?acountId=x'], 3],
    ['a database that is none', ['--yes', '--metadata', 'postgres://u:hunter2@h/db'], 2],
    ['an account that is none', ['--yes', '--account', 'a b/c'], 2],
    ['a key for a store that has none', ['--store', 'aws://eu-west-1', '--local-key', 'file'], 2],
    ['a file that is no YAML', ['--yes', '--config', 'strongroom.json'], 2],
  ])('refuses %s, and writes nothing', async (_, args, code) => {
    const answer = await command(['init', ...args])
    expect(answer.code).toBe(code)
    expect(answer.err).not.toContain('hunter2')
    expect(answer.err).not.toMatch(/^\s+at /m)
    expect(existsSync(join(folder, 'strongroom.yaml'))).toBe(false)
  })
})

describe('on a terminal', () => {
  it('asks, and writes what was answered', async () => {
    const { code, screen } = await command(['init'], {
      terminal: [
        { at: 'Where are the values kept?', keys: ENTER },
        { at: 'In which folder?', keys: `values${ENTER}` },
        { at: 'Where is the key that encrypts them?', keys: ENTER },
        { at: 'Which database', keys: ENTER },
        { at: 'In which file?', keys: ENTER },
        { at: 'Whose secrets', keys: `acme${ENTER}` },
      ],
      environment: { STRONGROOM_ACCOUNT: '' },
    })
    expect(code, screen).toBe(0)
    expect(screen).toContain('opened and checked')
    expect(parse(written())).toEqual({
      stores: { main: { type: 'local', path: 'values', key: { file: './strongroom.key' } } },
      writeTo: 'main',
      metadata: { type: 'sqlite', path: './meta.db' },
    })
    expect(statSync(join(folder, 'strongroom.key')).mode & 0o777).toBe(0o600)
  })

  it('asks for the variable of a database’s URL, and names what is not set', async () => {
    const { code, screen } = await command(['init', '--store', 'local:./values', '--local-key', 'env'], {
      terminal: [
        { at: 'Which database', keys: `${DOWN}${ENTER}` },
        { at: 'Which variable', keys: `TEAM_DB${ENTER}` },
        { at: 'Whose secrets', keys: ENTER },
      ],
    })
    expect(code, screen).toBe(0)
    expect(screen).toContain('not opened yet, since STRONGROOM_LOCAL_KEY and TEAM_DB are not set')
    expect(screen).toContain('export TEAM_DB=')
    expect(parse(written())).toMatchObject({ metadata: { type: 'postgres', url: { env: 'TEAM_DB' } } })
  })

  it('writes numbers of a URL as numbers, and text that looks like one as text', async () => {
    const { code, err } = await command(['init', '--store', 'memory:?name=123&rate.writes=5&prefix=7', '--metadata', 'none'])
    expect(code, err).toBe(0)
    expect(parse(written())).toMatchObject({ stores: { main: { type: 'memory', name: '123', rate: { writes: 5 }, prefix: '7' } } })
  })

  it('says at once what is not allowed', async () => {
    const { screen } = await command(['init'], {
      terminal: [
        { at: 'Where are the values kept?', keys: `${DOWN}${ENTER}` },
        { at: 'Which region?', keys: `eu-west-1${ENTER}` },
        { at: 'Which AWS account?', keys: `12${ENTER}` },
        { at: '└  twelve digits', keys: '\x03' },
      ],
    })
    // In quotation marks they would be refused here.
    expect(screen).not.toContain('quotation')
    expect(existsSync(join(folder, 'strongroom.yaml'))).toBe(false)
  })

  it('asks before it writes over a file, and Ctrl-C writes nothing', async () => {
    writeFileSync(join(folder, 'strongroom.yaml'), '# mine\n')
    const kept = await command(['init'], { terminal: [{ at: 'is there already', keys: ENTER }] })
    expect(kept.code).toBe(0)
    expect(kept.screen).toContain('nothing was written')
    const left = await command(['init', '--force'], { terminal: [{ at: 'Where are the values kept?', keys: '\x03' }] })
    expect(left.code).toBe(130)
    expect(written()).toBe('# mine\n')
  })
})
