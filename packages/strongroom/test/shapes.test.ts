import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { localSecretStore } from '@strongroom/local'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { commandLine } from './support/command-line.ts'

// What docs/cli.md says of --json is what is answered.

vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 })

type Document = Readonly<Record<string, unknown>>

const folder = mkdtempSync(join(tmpdir(), 'strongroom-shapes-'))
const answers = new Map<string, readonly Document[]>()

async function answer(name: string, args: readonly string[], input: string = '', expected: number = 0): Promise<readonly Document[]> {
  const { code, out, err } = await commandLine(folder, [...args, '--json'], {
    input,
    environment: { STRONGROOM_ACCOUNT: 'acme', STRONGROOM_ACTOR: 'ada' },
  })
  expect({ code, err }, name).toEqual({ code: expected, err: '' })
  const lines = out
    .trim()
    .split('\n')
    .filter(line => line !== '')
    .flatMap(line => JSON.parse(line) as Document | readonly Document[])
  answers.set(name, lines)
  return lines
}

beforeAll(async () => {
  await answer('init', ['init', '--store', 'local:./store', '--local-key', 'beside'])
  const [made] = await answer('create', ['create', 'k', '-d', 'text'], 'one')
  await answer('get', ['get', 'k'])
  await answer('update', ['update', 'k'], 'two')
  const [, older] = await answer('versions', ['versions', 'k'])
  await answer('rollback', ['rollback', 'k', String(older?.['version'])])
  await answer('list', ['list'])
  await answer('audit list', ['audit', 'list'])
  await answer('audit verify', ['audit', 'verify'])
  await using store = localSecretStore({ path: join(folder, 'store') }, { naming: 'native' })
  await store.put(String(made?.['cloudSecretPath']).split('#')[1] ?? '', 'an outsider')
  const found = await answer('reconcile', ['reconcile', '--grace', '0'], '', 1)
  answers.set('reconcile, each finding', found.slice(0, -1))
  answers.set('reconcile, at the end', found.slice(-1))
  await answer('delete', ['delete', 'k'])
  // A store that holds nothing back and is there has nothing pending; one that is not there has.
  await commandLine(folder, ['create', 'left', '-a', 'acme'], { input: 'v' })
  const config = readFileSync(join(folder, 'strongroom.yaml'), 'utf8')
  writeFileSync(
    join(folder, 'read-only.yaml'),
    config.replace('  main:\n', '  other: { type: local, path: ./other }\n  main:\n    readOnly: true\n').replace('writeTo: main', 'writeTo: other'),
  )
  await answer('left', ['delete', 'left', '-c', 'read-only.yaml'])
  await answer('pending', ['pending', '-c', 'read-only.yaml'])
  await answer('maintain', ['maintain'])
})
afterAll(() => rmSync(folder, { recursive: true }))

const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
const table = (page.split('## JSON')[1] ?? '').split('\n## ')[0] ?? ''
const names = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(match => match[1] ?? '')
const rows = table
  .split('\n')
  .filter(line => line.startsWith('| `'))
  .map(line => line.split('|').slice(1, -1))
  .flatMap(([command = '', , fields = '', optional = '']) => {
    const [name = ''] = names(command)
    const keys = command.includes('`, each') || command.includes('`, at') ? [command.trim().replaceAll('`', '')] : names(command)
    return (keys.length > 0 ? keys : [name]).map(key => [key, names(fields), names(optional)] as const)
  })
  // What others' pages and tests are for is theirs.
  .filter(([key]) => !['serve', 'migrate', 'drop-old-copies', 'adopt', 'doctor', 'conformance'].includes(/^[a-z-]*/.exec(key)?.[0] ?? ''))

describe('the page says what is answered by', () => {
  it('every command of it', () => expect(rows.length).toBeGreaterThanOrEqual(14))

  it.each(rows)('%s', (key, fields, optional) => {
    const lines = answers.get(key) ?? []
    expect(lines.length, `nothing was answered by ${key}`).toBeGreaterThan(0)
    for (const line of lines) {
      for (const field of fields) expect(Object.keys(line)).toContain(field)
      for (const field of Object.keys(line)) expect([...fields, ...optional]).toContain(field)
    }
  })
})
