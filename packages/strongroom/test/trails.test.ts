import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { commandLine, MAIN, type Started } from './support/command-line.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 })

type Line = Readonly<Record<string, unknown>>

const folder = mkdtempSync(join(tmpdir(), 'strongroom-trails-'))
const nowhere = mkdtempSync(join(tmpdir(), 'strongroom-nowhere-'))
const command = (args: readonly string[], more: Started = {}) => commandLine(folder, args, more)
const linesOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Line)

const actionsOf = (all: readonly Line[], account: string) =>
  all.filter(line => line['account'] === account && line['action'] !== undefined).map(line => line['action'])

async function lines(args: readonly string[]): Promise<readonly Line[]> {
  const { code, out, err } = await command(args)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return linesOf(out)
}

let exported = ''
beforeAll(async () => {
  writeFileSync(
    join(folder, 'strongroom.yaml'),
    'stores: { main: { type: local, path: ./store }, other: { type: local, path: ./other } }\nwriteTo: main\nmetadata: { type: sqlite, path: ./meta.db }\n',
  )
  for (const [account, key, value] of [
    ['acme', 'one', 'value-of-one'],
    ['acme', 'two', 'value-of-two'],
    ['beta', 'one', 'value-of-beta'],
    ['gone', 'one', 'value-of-gone'],
  ] as const)
    expect((await command(['create', key, '-a', account, '-d', `about ${key}`, '--actor', 'ada'], { input: value })).code).toBe(0)
  expect((await command(['update', 'two', '-a', 'acme', '--actor', 'bob'], { input: 'value-of-two-2' })).code).toBe(0)
  // What is left of this account is its trail.
  expect((await command(['delete', 'one', '-a', 'gone', '--actor', 'ada'])).code).toBe(0)
  exported = (await command(['audit', 'export', '--all'])).out
  writeFileSync(join(folder, 'trail.jsonl'), exported)
})
afterAll(() => {
  rmSync(folder, { recursive: true })
  rmSync(nowhere, { recursive: true })
})

describe('audit list', () => {
  it('has every account with --all, each with its own table or with its name in each line', async () => {
    const all = await lines(['audit', 'list', '--all', '--json'])
    expect([...new Set(all.map(({ account }) => account))]).toEqual(['acme', 'beta', 'gone'])
    expect(actionsOf(all, 'gone').slice(0, 3)).toEqual(['secret.create', 'secret.describe', 'secret.delete'])
    const { out } = await command(['audit', 'list', '--all', '--after', '2'])
    const tables = out.trim().split('\n\n')
    expect(tables.map(table => table.split('\n')[0])).toEqual(['acme', 'beta', 'gone'])
    expect(tables[2]).toMatch(/^gone\nNO +AT .*\n3 .* secret\.delete +ok +one\n/)
  })
})

describe('audit export', () => {
  it('is the trail as it is listed, with the last hash, and how much there was', async () => {
    const [first, ...rest] = linesOf(exported)
    expect(first).toEqual({ type: 'export', format: 'strongroom.audit.v1', registry: 'main', exportedAt: expect.any(String) as string })
    const acme = rest.filter(line => line['type'] === 'entry' && line['account'] === 'acme')
    const listed = await lines(['audit', 'list', '-a', 'acme', '--json'])
    expect(acme).toEqual(listed.slice(0, acme.length).map(entry => ({ type: 'entry', ...entry })))
    expect(rest.filter(line => line['type'] === 'account')).toEqual([
      { type: 'account', account: 'acme', entries: acme.length, lastHash: acme.at(-1)?.['hash'] },
      ...['beta', 'gone'].map(account => ({
        type: 'account',
        account,
        entries: expect.any(Number) as number,
        lastHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      })),
    ])
    expect(actionsOf(rest, 'gone')).toEqual(['secret.create', 'secret.describe', 'secret.delete', 'audit.read'])
    expect(rest.at(-1)).toEqual({ type: 'end', accounts: 3, entries: rest.filter(line => line['type'] === 'entry').length })
    expect(exported).not.toContain('value-of')
  })

  it('has one account alone where one is named', async () => {
    const [, ...rest] = await lines(['audit', 'export', '-a', 'beta'])
    expect(new Set(rest.slice(0, -1).map(line => line['account']))).toEqual(new Set(['beta']))
  })
})

describe('audit verify', () => {
  const verify = (text: string, more: readonly string[] = []) => commandLine(nowhere, ['audit', 'verify', '-', ...more], { input: text })

  it('proves an exported file where there is neither configuration nor database', async () => {
    const { code, out, err } = await commandLine(nowhere, ['audit', 'verify', join(folder, 'trail.jsonl'), '--json'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const said = linesOf(exported).filter(line => line['type'] === 'account')
    expect(linesOf(out)).toEqual(said.map(({ account, entries, lastHash }) => ({ account, ok: true, entries, lastHash })))
    expect((await verify(exported)).out).toMatch(/^acme: \d+ entries, the chain holds, last hash [0-9a-f]{64}\nbeta: /)
  })

  const changed = (change: (lines: string[]) => string[]) => change(exported.trim().split('\n')).join('\n')
  it.each([
    ['an entry that says something else', (all: string[]) => all.with(2, (all[2] ?? '').replace('"ada"', '"eve"')), { sequence: 2, problem: 'hash' }],
    ['an entry that is missing', (all: string[]) => all.toSpliced(2, 1), { sequence: 2, problem: 'gap' }],
    [
      'the last entry that is missing',
      (all: string[]) => all.toSpliced(all.findIndex(line => line.includes('"account","account":"acme"')) - 1, 1),
      { problem: 'end' },
    ],
    ['another last hash', (all: string[]) => all.map(line => line.replace(/"lastHash":"./, '"lastHash":"x')), { problem: 'end' }],
  ])('finds %s', async (_, change, found) => {
    const { code, out } = await verify(changed(change), ['--json'])
    expect(code).toBe(1)
    expect(linesOf(out)[0]).toMatchObject({ account: 'acme', ok: false, ...found })
  })

  it.each([
    ['a file that is cut off', () => changed(all => all.slice(0, 4)), 'is cut off'],
    ['a file that lacks an account', () => changed(all => all.filter(line => !line.includes('"beta"'))), 'is cut off'],
    ['a file that goes on', () => `${exported}${exported}`, 'goes on after its end'],
    ['another file', () => '{"a":1}\n', 'line 1: no line of an audit trail'],
    ['records instead', () => '{"type":"export","format":"strongroom.records.v1"}\n', 'is no audit trail'],
    ['a field that no hash covers', () => changed(all => all.with(1, (all[1] ?? '').replace('{', '{"note":"trust me",'))), 'line 2: no line of'],
    ['bytes', () => '\0\xff', 'line 1: no line of'],
    ['nothing', () => '', 'is no audit trail'],
  ])('refuses %s', async (_, text, why) => {
    const { code, err } = await verify(text())
    expect(err).toContain(why)
    expect(err).not.toMatch(/^\s+at /m)
    expect(code).toBe(2)
  })

  it('refuses a file that is not there', async () => {
    expect(await command(['audit', 'verify', 'none.jsonl'])).toMatchObject({ code: 2, err: 'strongroom: "none.jsonl" cannot be read\n' })
  })

  it('finds in the database what was changed there', async () => {
    expect(await lines(['audit', 'verify', '--all', '--json'])).toMatchObject([
      { account: 'acme', ok: true },
      { account: 'beta', ok: true },
      { account: 'gone', ok: true },
    ])
    const database = new DatabaseSync(join(folder, 'meta.db'))
    const tables = database.prepare(`select name from sqlite_master where type = 'table' and name like '%audit%'`).all() as {
      readonly name: string
    }[]
    expect(tables.length).toBeGreaterThan(0)
    database.exec(`update ${tables[0]?.name ?? ''} set actor_id = 'eve' where account = 'beta' and sequence = 1`)
    database.close()
    const { code, out } = await command(['audit', 'verify', '--all'])
    expect(code).toBe(1)
    expect(out).toMatch(/^acme: \d+ entries, the chain holds.*\nbeta: entry 1: broken \(hash\)\ngone: \d+ entries, the chain holds.*\n$/)
  })
})

describe('export', () => {
  it('has every record with its pointer, and never a value', async () => {
    const all = await lines(['export', '--all', '--actor', 'dora'])
    expect(all[0]).toEqual({ type: 'export', format: 'strongroom.records.v1', registry: 'main', exportedAt: expect.any(String) as string })
    expect(all.at(-1)).toEqual({ type: 'end', accounts: 3, records: 3 })
    // One that has none is told to have none, and its trail says to whom.
    expect((await lines(['audit', 'list', '-a', 'gone', '--json'])).at(-2)).toMatchObject({ action: 'secret.list', actor: { id: 'dora' } })
    const two = all.find(line => line['key'] === 'two')
    expect(two).toEqual({
      type: 'record',
      account: 'acme',
      key: 'two',
      id: expect.any(String) as string,
      description: 'about two',
      revision: 2,
      pointer: { store: 'main', path: `main-${String(two?.['id'])}`, version: expect.any(String) as string },
      cloudSecretPath: `local:${folder}/store#main-${String(two?.['id'])}`,
      versions: [
        { version: expect.any(String) as string, revision: 2, committedAt: expect.any(String) as string, committedBy: { id: 'bob', type: 'user' } },
        { version: expect.any(String) as string, revision: 1, committedAt: expect.any(String) as string, committedBy: { id: 'ada', type: 'user' } },
      ],
      createdAt: expect.any(String) as string,
      createdBy: { id: 'ada', type: 'user' },
      updatedAt: expect.any(String) as string,
      updatedBy: 'bob',
    })
    expect(JSON.stringify(all)).not.toContain('value-of')
  })

  it('has one account alone, and leaves an entry in its trail', async () => {
    const one = await lines(['export', '-a', 'acme', '--actor', 'carol'])
    expect(one.filter(line => line['type'] === 'record').map(line => line['key'])).toEqual(['one', 'two'])
    const trail = await lines(['audit', 'list', '-a', 'acme', '--json'])
    expect(trail.findLast(entry => entry['action'] === 'secret.list')).toMatchObject({ actor: { id: 'carol' }, outcome: 'ok' })
  })

  it('says whose, or refuses; and leaves nobody out whose store is not configured', async () => {
    expect((await command(['export'])).code).toBe(2)
    writeFileSync(join(folder, 'less.yaml'), 'stores: { other: { type: local, path: ./other } }\nmetadata: { type: sqlite, path: ./meta.db }\n')
    const { code, out, err } = await command(['export', '--all', '-c', 'less.yaml'])
    expect({ code, out }).toEqual({ code: 3, out: '' })
    expect(err).toContain('"main"')
  })

  it('ends quietly when whoever reads it has gone', async () => {
    const child = spawn(process.execPath, [MAIN, 'export', '--all'], {
      cwd: folder,
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.destroy()
    let err = ''
    child.stderr.on('data', (data: Buffer) => (err += data.toString()))
    const code = await new Promise(done => child.once('close', done))
    expect({ code, err }).toEqual({ code: 141, err: '' })
  })
})
