import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { localSecretStore } from '@strongroom/local'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { commandLine, endOf, startCommand, visible, type Started } from './support/command-line.ts'

// Moving and adopting as an operator does it, with the command as it is built.

vi.setConfig({ testTimeout: 180_000 })

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strongroom-migrate-'))
  configure()
})
afterEach(() => rmSync(folder, { recursive: true }))

const KEY = Buffer.alloc(32, 7).toString('base64')

function configure(more: string = '', writeTo: string = 'old'): void {
  const stores = ['old', 'new'].map(name => `  ${name}: { type: local, path: ./${name}${more} }`)
  writeFileSync(
    join(folder, 'strongroom.yaml'),
    ['stores:', ...stores, `writeTo: ${writeTo}`, 'metadata: { type: sqlite, path: ./meta.db }', ''].join('\n'),
  )
}

const run = async (args: readonly string[], more: Started = {}) =>
  await commandLine(folder, args, {
    ...more,
    environment: { STRONGROOM_ACCOUNT: 'acme', STRONGROOM_ACTOR: 'ada', STRONGROOM_LOCAL_KEY: KEY, ...more.environment },
  })

async function lines(args: readonly string[], code: number = 0): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const answer = await run([...args, '--json'])
  expect({ code: answer.code, err: answer.err }).toEqual({ code, err: '' })
  return answer.out
    .trim()
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Readonly<Record<string, unknown>>)
}

const create = async (key: string, value: string): Promise<void> => expect((await run(['create', key], { input: value })).code).toBe(0)

/** What docs/cli.md says a line of it has. */
const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
const fieldsOf = (row: string): readonly string[] => {
  const cells =
    page
      .split('\n')
      .find(line => line.startsWith(`| ${row} `))
      ?.split('|') ?? []
  return [...(cells[3] ?? '').matchAll(/`([^`]+)`/g)].map(match => match[1] ?? '')
}

describe('migrate', () => {
  it('plans, moves, says when the old store may go, and goes back', async () => {
    await create('stripe', 'sk-one')
    await create('other', 'sk-two')
    const [plan] = await lines(['migrate', '--from', 'old', '--to', 'new', '--plan'])
    expect(plan).toMatchObject({ from: 'old', to: 'new', secrets: 2, oldCopies: 0, measured: false, unfit: [], calls: { to: { creates: 2 } } })
    expect(Object.keys(plan!).toSorted()).toEqual(fieldsOf('`migrate --plan`').toSorted())
    expect((await run(['migrate', '--from', 'old', '--to', 'new', '--plan'])).out).toContain('2 secrets from old to new')
    configure('', 'new')
    const moved = await lines(['migrate', '--from', 'old', '--grace', '7d'])
    expect(moved.map(({ outcome }) => outcome)).toEqual(['moved', 'moved', undefined])
    expect(Object.keys(moved[0]!).toSorted()).toEqual(fieldsOf('`migrate`, each secret').toSorted())
    expect(Object.keys(moved.at(-1)!).toSorted()).toEqual(fieldsOf('`migrate`, at the end').toSorted())
    expect(JSON.stringify(moved)).not.toContain('sk-')
    expect((await run(['read', 'stripe'])).out).toBe('sk-one')
    await run(['update', 'stripe'], { input: 'sk-three' })
    const { out: planned } = await run(['migrate', '--from', 'new', '--to', 'old', '--plan'])
    expect(planned).toContain('2 of them with an old copy there, which is taken again where it is still the same')
    expect(planned).toContain('calls at least: new 2 reads and 2 removals later, old 0 creates and 2 reads')
    const back = await run(['migrate', '--from', 'new', '--to', 'old'])
    expect({ code: back.code, err: back.err }).toEqual({ code: 0, err: '' })
    expect(back.out).toContain('1 moved, 1 returned to their old copy; 2 copies read back and compared, 0 different')
    expect(back.out).toContain('new stays in the configuration as long as 0 secrets, 0 writes and 2 tasks')
    expect((await run(['read', 'stripe'])).out).toBe('sk-three')
    expect(await lines(['drop-old-copies', 'new'])).toEqual([{ dropped: 2 }])
    await run(['maintain'])
    // The copy of before its update is still in the old store, under a path of its own.
    const again = await run(['migrate', '--from', 'new', '--to', 'old'])
    expect(again.out).toBe('0 moved; no copy to compare\nnothing names new any more: it may leave the configuration\n')
  })

  it('moves nothing when something does not fit, and says which', async () => {
    configure(', limits: native')
    await create('fits', 'x')
    await create('long', 'x'.repeat(30_000))
    // A store that takes less than the other: Azure, at a port where nobody answers, which need not be asked for that.
    const config = readFileSync(join(folder, 'strongroom.yaml'), 'utf8')
    const azure = '  azure: { type: azure, vaultUrl: "https://127.0.0.1:9" }'
    writeFileSync(join(folder, 'strongroom.yaml'), config.replace('stores:', `stores:\n${azure}`))
    const { code, out, err } = await run(['migrate', '--from', 'old', '--to', 'azure'])
    expect(code).toBe(2)
    expect(out).toMatch(/unfit\s+acme\s+long\s+.*30000 bytes of text/s)
    expect(err).toContain('1 secrets cannot be moved as they are, and nothing was moved')
    expect(err).not.toContain('    at ')
    expect((await run(['migrate', '--from', 'old', '--to', 'azure', '--plan'])).code).toBe(1)
  })

  it('shows how far it is on a terminal, and nowhere else', async () => {
    for (let n = 0; n < 12; n += 1) await create(`key-${n}`, `value ${n}`)
    const { screen, code } = await run(['migrate', '--from', 'old', '--to', 'new', '--concurrency', '1'], { terminal: [] })
    expect(code).toBe(0)
    expect(visible(screen)).toMatch(/migrate {2}\[.*\] {2}\d+\/12 secrets/)
    expect(visible(screen)).toContain('12 moved')
  })

  it('is interrupted at once, says what it has moved, and goes on by the same command', async () => {
    const environment = { STRONGROOM_ACCOUNT: 'acme', STRONGROOM_ACTOR: 'ada', STRONGROOM_LOCAL_KEY: KEY }
    for (let n = 0; n < 6; n += 1) await create(`key-${n}`, `value ${n}`)
    configure(', rate: { writes: 0.001 }') // the second of them would be put after a quarter of an hour
    const move = ['migrate', '--from', 'old', '--to', 'new']
    const child = startCommand(folder, [...move, '--json'], environment)
    child.stdout.once('data', () => child.kill('SIGINT'))
    const { code, out, err } = await endOf(child)
    expect({ code, moved: out.trim().split('\n').length }).toEqual({ code: 130, moved: 1 })
    expect(err).toBe(
      'strongroom: ends what is put already; once more ends it here\nstrongroom: interrupted: 1 moved; the same command goes on from there\n',
    )
    const typed = [{ at: '1/5 secrets', keys: '\u0003' }]
    const onTerminal = await run(move, { terminal: typed, columns: 120 })
    expect(onTerminal.code).toBe(130)
    expect(visible(onTerminal.screen)).toContain('interrupted: 1 moved; the same command goes on from there')
    // Neither left anything for another run to wait for.
    expect((await lines(['pending'])).map(({ task }) => task)).toEqual(['purge_path', 'purge_path'])
    configure()
    expect((await run(move)).out).toContain('4 moved')
    expect((await run(['read', 'key-5'])).out).toBe('value 5')
  })

  it('refuses what is no migration in one line', async () => {
    for (const [args, code] of [
      [['migrate', '--to', 'new'], 2],
      [['migrate', '--from', 'old', '--to', 'old'], 2],
      [['migrate', '--from', 'old', '--to', 'nowhere'], 2],
      [['migrate', '--from', 'old', '--to', 'new', '--grace', 'soon'], 2],
      [['drop-old-copies'], 2],
    ] as const) {
      const answer = await run(args)
      expect({ args, code: answer.code }).toEqual({ args, code })
      expect(answer.err).not.toContain('    at ')
    }
  })
})

describe('adopt', () => {
  it('looks, adopts, and leaves what was there when it is deleted', async () => {
    await using store = localSecretStore({ path: join(folder, 'old'), environment: { STRONGROOM_LOCAL_KEY: KEY } }, { naming: 'native' })
    await store.put('legacy/payment', 'theirs')
    await store.put('legacy/Old_Name', 'theirs too')
    await store.put('legacy/left-out', 'not wanted')
    const adopt = ['adopt', '--store', 'old', '--prefix', 'legacy/']
    const dry = await lines([...adopt, '--dry-run'], 1)
    expect(dry.at(-1)).toMatchObject({ adopted: 0, adoptable: 2, key_invalid: 1 })
    expect(Object.keys(dry[0]!).toSorted()).toEqual(
      fieldsOf('`adopt`, each secret')
        .filter(field => field !== 'secret')
        .toSorted(),
    )
    expect(Object.keys(dry.at(-1)!).toSorted()).toEqual(fieldsOf('`adopt`, at the end').toSorted())
    writeFileSync(join(folder, 'names.json'), JSON.stringify({ 'legacy/Old_Name': 'old-name', 'legacy/left-out': null }))
    const { code, out } = await run([...adopt, '--rename', 'names.json'])
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('2 adopted') as string })
    expect((await run(['read', 'old-name'])).out).toBe('theirs too')
    expect((await run([...adopt, '--match', 'payment$'])).out).toMatch(/known\s+legacy\/payment\s+payment/)
    expect((await run(['delete', 'payment'])).code).toBe(0)
    await run(['maintain'])
    expect((await store.get('legacy/payment')).value.revealText()).toBe('theirs')
    expect((await run(['delete', 'old-name', '--purge-adopted'])).code).toBe(0)
    await run(['maintain'])
    await expect(store.get('legacy/Old_Name')).rejects.toMatchObject({ code: 'not_found' })
    expect((await run([...adopt, '--match', '('])).code).toBe(2)
    expect((await run([...adopt, '--rename', 'none.json'])).code).toBe(2)
  })

  it('refuses a --rename with a path that is not there, before it adopts anything', async () => {
    vi.stubEnv('STRONGROOM_LOCAL_KEY', KEY)
    await using store = localSecretStore({ path: join(folder, 'old') }, { naming: 'native' })
    for (const path of ['legacy/payment', 'legacy/constructor', 'elsewhere']) await store.put(path, 'theirs')
    const adopt = ['adopt', '--store', 'old', '--prefix', 'legacy/', '--rename', 'names.json']
    const wrong = { 'legacy/payment': 'pay', 'legacy/paymnet': null, elsewhere: 'other' }
    writeFileSync(join(folder, 'names.json'), JSON.stringify(wrong))
    for (const args of [adopt, [...adopt, '--dry-run']]) {
      const { code, out, err } = await run(args)
      expect({ code, out, err }).toEqual({
        code: 2,
        out: '',
        err: 'strongroom: --rename: not in old under "legacy/": "legacy/paymnet", "elsewhere"; nothing was adopted\n',
      })
    }
    writeFileSync(join(folder, 'names.json'), JSON.stringify({ 'legacy/payment': 'pay' }))
    const adopted = await run(adopt)
    expect({ code: adopted.code, out: adopted.out }).toEqual({ code: 0, out: expect.stringContaining('2 adopted') as string })
    expect((await run(['read', 'constructor'])).out).toBe('theirs')
  })

  it('takes the keys that the configuration allows', async () => {
    vi.stubEnv('STRONGROOM_LOCAL_KEY', KEY)
    await using store = localSecretStore({ path: join(folder, 'old') }, { naming: 'native' })
    await store.put('legacy/Old Name', 'theirs')
    const adopt = ['adopt', '--store', 'old', '--prefix', 'legacy/']
    expect((await run([...adopt, '--dry-run'])).out).toContain('1 key_invalid')
    writeFileSync(join(folder, 'strongroom.yaml'), `${readFileSync(join(folder, 'strongroom.yaml'), 'utf8')}keys: any\n`)
    expect((await run([...adopt, '--keys', 'portable', '--dry-run'])).out).toContain('1 key_invalid')
    expect((await run(adopt)).out).toContain('1 adopted')
    expect((await run(['read', 'Old Name'])).out).toBe('theirs')
  })
})
