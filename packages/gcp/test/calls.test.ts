import { readFile } from 'node:fs/promises'
import type { SecretStore, VersionId } from '@strongroom/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { gcpSecretStore } from '../src/index.ts'
import { startScene, type Scene } from './scene.ts'

// The table of the README is what the emulator counts.

type Act = (store: SecretStore, first: VersionId, second: VersionId) => Promise<unknown>

const ROWS: Readonly<Record<string, Act>> = {
  '`get`': async store => await store.get('there'),
  '`get` of a version': async (store, first) => await store.get('there', { version: first }),
  '`get` with `confirmReads`': async store => await store.get('there'),
  '`put`': async store => await store.put('there', 'three'),
  '`put` to a new name': async store => await store.put('new', 'one'),
  '`put` with `ifAbsent`': async store => await store.put('absent', 'one', { ifAbsent: true }),
  '`put` with `ifAbsent`, refused': async store => await store.put('there', 'one', { ifAbsent: true }).catch(() => {}),
  '`put` with `ifVersion`': async (store, _, second) => await store.put('there', 'three', { ifVersion: second }),
  '`versions`': async store => await Array.fromAsync(store.versions('there')),
  '`list`': async store => await Array.fromAsync(store.list()),
  '`destroyVersion`': async (store, first) => await store.destroyVersion('there', first),
  '`delete` with `purge`': async store => await store.delete('there', { purge: true }),
}

let scene: Scene
let prefixes = 0

beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene?.stop())

function open(options: object): SecretStore {
  const { projectId, grpcPort } = scene.emulator
  prefixes += 1
  return gcpSecretStore({ projectId, endpoint: `http://127.0.0.1:${grpcPort}`, ...options }, { prefix: `calls${prefixes}-` })
}

async function requests(act: Act, options: object): Promise<readonly string[]> {
  const store = open(options)
  try {
    const { version: first } = await store.put('there', 'one')
    const { version: second } = await store.put('there', 'two')
    return await scene.during(async () => await act(store, first, second))
  } finally {
    await store.close()
  }
}

test('each operation makes the requests that the README says', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const [, table = ''] = readme.split('## Calls and permissions')
  const said = table.split('\n').flatMap(line => {
    const [, operation = '', ...cells] = line.split('|').map(cell => cell.trim())
    return operation.startsWith('`') ? [[operation, ...cells.slice(0, 2)]] : []
  })
  const counted: string[][] = []
  for (const [operation, act] of Object.entries(ROWS)) {
    const confirms = operation.includes('confirmReads')
    const plain = operation.includes('ifVersion') ? [] : await requests(act, confirms ? { confirmReads: true } : {})
    const aliased = confirms ? [] : await requests(act, { versionAlias: 'live' })
    counted.push([operation, ...[plain, aliased].map(names => (names.length === 0 ? '–' : names.map(name => `\`${name}\``).join(', ')))])
  }
  expect(said).toEqual(counted)
})

test('a list and versions ask once for each 100', async () => {
  const store = open({})
  for (let index = 0; index < 101; index += 1) await store.put('many', String(index))
  const seen = await scene.during(async () => expect(await Array.fromAsync(store.versions('many'))).toHaveLength(101))
  expect(seen).toEqual(['ListSecretVersions', 'GetSecretVersion', 'ListSecretVersions'])
  await store.close()
})
