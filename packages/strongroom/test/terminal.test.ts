import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accountId, unsafeAllowEveryone } from '@strongroom/core'
import { startVaultEmulator, type VaultEmulator } from '@strongroom/emulators/vault'
import stringWidth from 'string-width'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { progressLine } from '../src/cli/progress.ts'
import { openStrongroom } from '../src/index.ts'
import { commandLine, visible, type Started } from './support/command-line.ts'

// What a person sees on a terminal: how wide it is, in which colours, and how far long work is.

vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 })

const COUNT = 48
const JAPANESE = '決済サービスの鍵。毎月更新すること。担当は東京の運用班です。'
const KEY = 'a-key-that-is-as-long-as-names-of-services-are-wont-to-be'

const folder = mkdtempSync(join(tmpdir(), 'strongroom-terminal-'))
let vault: VaultEmulator
const command = (args: readonly string[], more: Started = {}) =>
  commandLine(folder, args, {
    ...more,
    environment: { STRONGROOM_ACCOUNT: 'acme', STRONGROOM_ACTOR: 'ada', VAULT_TOKEN: vault.rootToken, ...more.environment },
  })

beforeAll(async () => {
  vault = await startVaultEmulator()
  writeFileSync(
    join(folder, 'strongroom.yaml'),
    `stores: { main: '${vault.url.replace('http:', 'vault+http:')}/secret' }\nmetadata: sqlite:./meta.db\npolicy: { attempts: 1 }\n`,
  )
  const environment = { VAULT_TOKEN: vault.rootToken }
  await using room = await openStrongroom(join(folder, 'strongroom.yaml'), { authorize: unsafeAllowEveryone, environment })
  const secrets = (await room.registry()).account(accountId('acme'), { id: 'ada', type: 'user' })
  await secrets.create({ key: KEY, value: 'v', description: JAPANESE })
  for (let index = 1; index < COUNT; index += 1) await secrets.create({ key: `key-${index}`, value: 'v', description: 'words \u202e👩‍💻 é ' })
})
afterAll(async () => {
  await vault.stop()
  rmSync(folder, { recursive: true })
})

describe('a table', () => {
  const widest = (screen: string) =>
    Math.max(
      ...visible(screen)
        .split(/\r?\n/)
        .map(line => stringWidth(line)),
    )
  const letters = (screen: string) => visible(screen).replaceAll(/\s/g, '')

  it.each([
    [40, ['list']],
    [72, ['list']],
    [200, ['list']],
    [40, ['get', KEY]],
    [24, ['get', KEY]],
    [40, ['versions', KEY]],
    [40, ['audit', 'list']],
    [40, ['pending']],
  ])('fits %i columns and leaves nothing out: %j', async (columns, args) => {
    const { code, screen } = await command(args, { terminal: [], columns })
    expect(code).toBe(0)
    expect(widest(screen)).toBeLessThanOrEqual(columns)
    if (args[0] !== 'list' && args[0] !== 'get') return
    // Beside other cells, a text is in pieces.
    const pieces = columns === 72 ? [...KEY, ...JAPANESE] : [KEY, JAPANESE]
    for (const piece of pieces) expect(letters(screen)).toContain(piece)
  })

  it('shows a record as a block where columns do not fit, and never what could turn the line around', async () => {
    const { screen } = await command(['list'], { terminal: [], columns: 40 })
    expect(visible(screen)).toMatch(/\r\nKEY {10}key-1\r\nREVISION {5}1\r\nCREATED {6}\d{4}-/)
    expect(screen).not.toContain('\u202e')
  })

  it('is as wide as it is on a pipe', async () => {
    const { out } = await command(['list'])
    expect(out.split('\n')[0]).toMatch(/^KEY +REVISION +CREATED +UPDATED +DESCRIPTION$/)
    expect(out).toContain(JAPANESE)
    expect(out.trim().split('\n')).toHaveLength(COUNT + 1)
  })
})

describe('colours', () => {
  // oxlint-disable-next-line no-control-regex
  const COLOUR = /\x1b\[(?:3[0-7]|9[0-7]|38;)[0-9;]*m/
  const prompt = async (environment: NodeJS.ProcessEnv) =>
    (
      await command(['init', '-c', 'never.yaml'], {
        terminal: [{ at: 'Where are the values kept', keys: '\x03' }],
        environment: { TERM: 'xterm-256color', ...environment },
      })
    ).screen

  it('are there, and not with NO_COLOR', async () => {
    expect(await prompt({ NO_COLOR: '' })).toMatch(COLOUR)
    expect(await prompt({ NO_COLOR: '1' })).not.toMatch(COLOUR)
  })
})

describe('progress', () => {
  const slow = (operation: string) => vault.controls.inject({ kind: 'delay', ms: 400 }, { operations: [operation as never], count: 10_000 })

  it('is shown on a terminal with rate and remaining time, and taken away at the end', async () => {
    slow('ReadMetadata')
    const { code, screen } = await command(['reconcile', '--grace', '0'], { terminal: [] })
    vault.controls.clearFaults()
    expect(code, screen).toBe(0)
    expect(screen).toMatch(/reconcile {2}\[=* *\] {2}\d+\/96 compared {2}[\d.,]+\/s {2}0:\d\d left/)
    const [last = ''] = screen.split('\r\n').slice(-2)
    expect(last.slice(last.lastIndexOf('\x1b[2K'))).toMatch(/^\x1b\[2K48 records and 48 secrets compared/)
  })

  it('Ctrl-C takes it away, ends with 130, and another run goes on', async () => {
    slow('ReadMetadata')
    const { code, screen } = await command(['reconcile', '--grace', '0'], { terminal: [{ at: ' left', keys: '\x03' }] })
    vault.controls.clearFaults()
    expect(code).toBe(130)
    expect(screen.slice(screen.lastIndexOf('\x1b[2K'))).toMatch(/^\x1b\[2Kstrongroom: .*\(aborted\)\r\n$/)
    expect((await command(['reconcile', '--grace', '0'])).out).toBe('48 records and 48 secrets compared; no difference\n')
  })

  it('is nowhere without a terminal, and nowhere with --json', async () => {
    expect((await command(['reconcile', '--grace', '0'])).err).toBe('')
    expect((await command(['audit', 'verify'])).err).toBe('')
    const { screen } = await command(['reconcile', '--grace', '0', '--json'], { terminal: [] })
    expect(screen).toMatch(/^\{.*\}\r\n$/)
    const onOne = await command(['export'], { terminal: [] })
    expect(onOne.screen.startsWith('{"type":"export"')).toBe(true)
  })

  it('a pass of upkeep that is shown does what one does that is not', async () => {
    const { code, screen } = await command(['maintain', '--max-items', '10000'], { terminal: [] })
    expect(code).toBe(0)
    expect(screen).toContain('maintain  ')
    expect(visible(screen)).toMatch(/nothing done; nothing left|done/)
  })

  it.each([20, 40, 60, 80, 120])('fits a line of %i columns, at every length', columns => {
    for (const total of [undefined, 0, 7, 1_000_000])
      for (const done of [0, 1, 7, 999_999, 1_000_000, 1_234_567])
        for (const elapsedMs of [0, 1, 90_000, 36_000_000]) {
          const line = progressLine({ label: 'reconcile', unit: 'records', total, done, elapsedMs, columns })
          expect(line.length).toBeLessThan(columns)
          expect(line).not.toMatch(/NaN|Infinity|undefined/)
        }
  })

  it('Ctrl-C shows what has been found and mended until then', async () => {
    const { cloudSecretPath } = JSON.parse((await command(['get', KEY, '--json'])).out) as { readonly cloudSecretPath: string }
    const put = { method: 'POST', headers: { 'x-vault-token': vault.rootToken }, body: JSON.stringify({ data: { outside: 'v' } }) }
    expect((await fetch(`${vault.url}/v1/${cloudSecretPath}`, put)).status).toBe(200)
    slow('ReadMetadata')
    const { code, screen } = await command(['reconcile', '--grace', '0', '--repair', 'drift'], {
      terminal: [{ at: ' 8/96', keys: '\x03' }],
      columns: 400,
    })
    vault.controls.clearFaults()
    expect(code, screen).toBe(130)
    expect(visible(screen)).toMatch(new RegExp(`drift +main +acme +${KEY} +done`))
    expect(visible(screen).trimEnd()).toMatch(/\(aborted\)$/)
  })

  it('Ctrl-C shows what has been adopted until then', async () => {
    const put = { method: 'POST', headers: { 'x-vault-token': vault.rootToken }, body: JSON.stringify({ data: { outside: 'v' } }) }
    for (let n = 10; n < 40; n += 1) expect((await fetch(`${vault.url}/v1/secret/data/legacy-${n}`, put)).status).toBe(200)
    slow('ReadMetadata')
    const { code, screen } = await command(['adopt', '--store', 'main', '--prefix', 'legacy-'], { terminal: [{ at: ' 3 secrets', keys: '\x03' }] })
    vault.controls.clearFaults()
    expect(code, screen).toBe(130)
    expect(visible(screen)).toMatch(/adopted +legacy-10 +10/)
    expect(visible(screen).trimEnd()).toMatch(/\(aborted\)$/)
  })

  it('counts what it says', () => {
    const state = { label: 'migrate', unit: 'secrets', total: 1000, done: 250, elapsedMs: 10_000 }
    expect(progressLine({ ...state, columns: 100 })).toBe(`migrate  [${'='.repeat(8)}${' '.repeat(22)}]  250/1,000 secrets  25/s  0:30 left`)
    expect(progressLine({ ...state, columns: 50 })).toBe('migrate  250/1,000 secrets  25/s  0:30 left')
    expect(progressLine({ ...state, columns: 34 })).toBe('migrate 250/1,000  0:30 left')
    expect(progressLine({ ...state, total: undefined, columns: 100 })).toBe('migrate  250 secrets  25/s')
    expect(progressLine({ ...state, total: 100_000, columns: 100 })).toContain('1:06:30 left')
  })
})
