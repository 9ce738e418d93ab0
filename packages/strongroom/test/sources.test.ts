import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addLocalKey } from '@strongroom/local'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openStrongroom } from '../src/index.ts'
import { commandLine, type Started } from './support/command-line.ts'

// Where a configuration comes from, and what it warns of, as the command has it.

vi.setConfig({ testTimeout: 180_000 })

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'strongroom-sources-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
const command = (args: readonly string[], more: Started = {}) =>
  commandLine(folder, args, { ...more, environment: { STRONGROOM_ACCOUNT: 'acme', ...more.environment } })
const CONFIG = { stores: { main: 'local:./store' }, metadata: 'sqlite:./meta.db' }

async function works(more: Started = {}, args: readonly string[] = []): Promise<void> {
  expect(await command([...args, 'create', 'k'], { input: 'v', ...more })).toMatchObject({ code: 0, err: '' })
  expect(await command([...args, 'read', 'k'], more)).toMatchObject({ code: 0, out: 'v', err: '' })
}

describe('the command takes its configuration from', () => {
  it('the environment alone', async () => {
    const environment = { STRONGROOM_STORE: 'local:./store', STRONGROOM_METADATA: 'sqlite:./meta.db', STRONGROOM_ID: 'team' }
    await works({ environment })
    expect((await command(['get', 'k', '--json'], { environment })).out).toContain('#team-')
    expect((await command(['list'], { environment: { STRONGROOM_STORE: 'local:./store' } })).err).toContain('metadata: found nothing')
    expect(await command(['list'], { environment: { STRONGROOM_STORE: 's3://bucket' } })).toMatchObject({
      code: 3,
      err: expect.stringContaining('the environment: stores.main: found "s3://bucket"') as string,
    })
  })

  it.each([
    [
      'strongroom.config.ts',
      `interface Config { readonly stores: object; readonly metadata: string }\nconst config: Config = ${JSON.stringify(CONFIG)}\nexport default config\n`,
    ],
    ['strongroom.config.js', `export default ${JSON.stringify(CONFIG)}\n`],
    ['strongroom.config.mjs', `export default ${JSON.stringify(CONFIG)}\n`],
    ['strongroom.json', JSON.stringify(CONFIG)],
    ['strongroom.yml', JSON.stringify(CONFIG)],
  ])('%s in the working folder', async (name, text) => {
    write(name, text)
    await works()
  })

  it('the file of STRONGROOM_CONFIG, and --config before it', async () => {
    write('a.config.ts', `export default ${JSON.stringify(CONFIG)} satisfies object\n`)
    write('b.yaml', 'stores: { main: "local:./b" }\nmetadata: sqlite:./b.db\n')
    const environment = { STRONGROOM_CONFIG: 'a.config.ts' }
    await works({ environment })
    expect((await command(['-c', 'b.yaml', 'list', '--json'], { environment })).out).toBe('{"items":[],"total":0}\n')
  })

  it('a program, with the types of stores that it brings', async () => {
    const local = new URL('../../local/dist/index.js', import.meta.url).href
    write(
      'strongroom.config.ts',
      `import { localDriver } from '${local}'
export const schemes = { mine: (store: { where: string }, about: { folder: string }) => localDriver({ path: about.folder + store.where }) }
export default { stores: { main: { type: 'mine', where: '/mine' } }, metadata: 'sqlite:./meta.db' }
`,
    )
    await works()
    expect((await command(['export'])).out).toContain(`local:${folder}/mine#main-`)
    const examined = await command(['doctor', '--json'])
    expect(JSON.parse(examined.out)).toMatchObject({ ok: true, stores: [{ name: 'main', type: 'mine', reachable: true }] })
    const tried = await command(['conformance', '--only', 'list', '--json'])
    expect(JSON.parse(tried.out)).toMatchObject({ ok: true })
    write('strongroom.config.ts', `export default { stores: { main: { type: 'mine' } } }\n`)
    expect(await command(['list'])).toMatchObject({ code: 3, err: expect.stringContaining('stores.main.type: found "mine"') as string })
  })

  it.each([
    ['strongroom.config.ts', 'throw new Error("hunter2")', 'a program that fails when it is loaded'],
    ['strongroom.config.ts', 'import "./nowhere.ts"\nexport default {}', 'a program that imports nowhere.ts, which is missing'],
    ['strongroom.config.ts', 'import "no-such-package/sub"\nexport default {}', 'a program that imports no-such-package, which is missing'],
    ['strongroom.config.ts', 'import "./broken.mjs"\nexport default {}', 'a program with broken.mjs that imports @nobody/nothing, which is missing'],
    ['strongroom.config.ts', 'export const config = {}', 'a configuration as the default export'],
    ['strongroom.config.ts', 'export default 7', 'a configuration as the default export'],
    ['strongroom.config.ts', 'export const schemes = { mine: 7 }\nexport default {}', 'schemes: found an object; allowed: an object of functions'],
    ['strongroom.config.mjs', 'export default {', 'a program that fails when it is loaded'],
  ])('and says what is wrong with %s: %s', async (name, text, why) => {
    write('broken.mjs', 'import "@nobody/nothing"\n')
    write(name, text)
    const { code, err } = await command(['list'])
    expect(code).toBe(3)
    expect(err).toContain(why)
    expect(err).not.toContain('hunter2')
    expect(err).not.toMatch(/^\s+at /m)
  })
})

describe('a file that holds a key and that everyone may read', () => {
  const warning = (path: string, file: string) =>
    expect.stringContaining(`${path}: everyone on this machine may read ${file}; chmod 600 it`) as string

  it('is warned about, once, and not when it is one’s own', async () => {
    await addLocalKey({ file: join(folder, 'local.key') })
    write('strongroom.yaml', 'stores: { main: { type: local, path: ./store, key: { file: ./local.key } } }\nmetadata: sqlite:./meta.db\n')
    await works()
    chmodSync(join(folder, 'local.key'), 0o644)
    const { code, err } = await command(['list', '--json'])
    expect(code).toBe(0)
    expect(err).toMatch(
      /^strongroom: warning: strongroom\.yaml: stores\.main\.key: everyone on this machine may read \.\/local\.key; chmod 600 it\n$/,
    )
  })

  it.each([
    ['a key of Google', { type: 'gcp', projectId: 'my-project', keyFile: './key' }, 'stores.main.keyFile'],
    ['the credentials of Google', { type: 'gcp', projectId: 'my-project', credentials: { file: './key' } }, 'stores.main.credentials'],
    [
      'a certificate of Azure',
      {
        type: 'azure',
        vaultUrl: 'https://v.vault.azure.net',
        credential: { kind: 'client_certificate', tenantId: 't', clientId: 'c', certificatePath: './key' },
      },
      'stores.main.credential.certificatePath',
    ],
    [
      'a token of Vault',
      { type: 'vault', address: 'https://v.example.com', auth: { method: 'token', token: { file: './key' } } },
      'stores.main.auth.token',
    ],
  ])('%s', async (_, store, path) => {
    write('key', '{}')
    for (const mode of [0o600, 0o640, 0o644]) {
      chmodSync(join(folder, 'key'), mode)
      write('strongroom.json', JSON.stringify({ stores: { main: store } }))
      const warnings: string[] = []
      await using _room = await openStrongroom(join(folder, 'strongroom.json'), { environment: {}, onWarning: one => void warnings.push(one) })
      expect(warnings).toEqual(mode === 0o644 ? [warning(path, './key')] : [])
    }
  })
})
