import { Agent, request } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { startVaultEmulator, type VaultEmulator, type VaultEmulatorOptions } from '../../src/vault/index.ts'
import { ask, type Answered, type Ask } from './ask.ts'

// What the comparison with OpenBao does not reach: limits that are options, what is Vault's own, namespaces, and the verb LIST.

const started: VaultEmulator[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map(emulator => emulator.stop()))
})

interface Asker {
  readonly emulator: VaultEmulator
  readonly send: (request: Partial<Ask> & Pick<Ask, 'path'>) => Promise<Answered>
}

const open = async (options: VaultEmulatorOptions = {}): Promise<Asker> => {
  const emulator = await startVaultEmulator(options)
  started.push(emulator)
  return { emulator, send: of => ask(emulator.url, { method: of.body === undefined ? 'GET' : 'POST', token: emulator.rootToken, ...of }) }
}
const dataIn = ({ body }: Answered): Readonly<Record<string, unknown>> => (body as { readonly data: Readonly<Record<string, unknown>> }).data
const bodyOf = ({ body }: Answered): Readonly<Record<string, unknown>> => body as Readonly<Record<string, unknown>>

describe('limits', () => {
  test('a request of as many bytes as allowed, and of one more', async () => {
    const body = JSON.stringify({ data: { x: 'x'.repeat(100) } })
    const { send } = await open({ maxRequestBytes: body.length })
    expect((await send({ path: 'secret/data/a', body })).status).toBe(200)
    const refused = await send({ path: 'secret/data/a', body: `${body} ` })
    expect([refused.status, refused.body]).toEqual([413, { errors: ['http: request body too large'] }])
  })

  test('a version of as many bytes as a Raft store takes, and of one more', async () => {
    const { send } = await open()
    const fits = 1_048_357 - JSON.stringify({ x: '' }).length // measured with OpenBao 2.7.2
    const put = (length: number): Promise<Answered> => send({ path: 'secret/data/a', body: { data: { x: 'x'.repeat(length) } } })
    expect((await put(fits)).status).toBe(200)
    const refused = await put(fits + 1)
    expect(refused.status).toBe(500)
    expect(JSON.stringify(refused.body)).toContain('put failed due to value being too large')
    expect(dataIn(await send({ path: 'secret/metadata/a' }))['current_version']).toBe(1)
  })

  test.each<[string, Readonly<Record<string, string>>, number]>([
    ['64 keys', keys(64), 204],
    ['65 keys', keys(65), 400],
    ['a key of 128 bytes', { ['é'.repeat(64)]: 'v' }, 204],
    ['a key of 129 bytes', { [`${'é'.repeat(64)}k`]: 'v' }, 400],
    ['an empty key', { '': 'v' }, 400],
    ['a value of 512 bytes', { k: 'é'.repeat(256) }, 204],
    ['a value of 513 bytes', { k: `${'é'.repeat(256)}v` }, 400],
    ['an empty value', { k: '' }, 400],
    ['a value with a line break', { k: 'a\nb' }, 400],
    ['a key with a control character', { 'k\u0001': 'v' }, 400],
  ])('custom metadata with %s', async (_, custom_metadata, status) => {
    const { send } = await open()
    expect((await send({ path: 'secret/metadata/a', body: { custom_metadata } })).status).toBe(status)
  })

  test('ten versions are kept, or as many as the larger of the two settings says', async () => {
    const { send } = await open()
    const versions = async (key: string, count: number): Promise<readonly string[]> => {
      for (let number = 1; number <= count; number += 1) await send({ path: `secret/data/${key}`, body: { data: { number } } })
      return Object.keys(dataIn(await send({ path: `secret/metadata/${key}` }))['versions'] as object)
    }
    expect(await versions('a', 10)).toHaveLength(10)
    expect(await versions('a', 1)).toEqual(['2', '3', '4', '5', '6', '7', '8', '9', '10', '11'])
    await send({ path: 'secret/metadata/b', body: { max_versions: 2 } })
    expect(await versions('b', 3)).toEqual(['2', '3'])
    await send({ path: 'secret/config', body: { max_versions: 3 } })
    expect(await versions('b', 3)).toEqual(['4', '5', '6'])
  })
})

describe('what is Vault’s own', () => {
  test('answers name the engine, metadata has no version of its own, and lists come whole', async () => {
    const { send } = await open()
    for (const key of ['a', 'b', 'c']) await send({ path: `secret/data/${key}`, body: { data: {} } })
    expect(bodyOf(await send({ path: 'secret/data/a' }))['mount_type']).toBe('kv')
    expect(Object.keys(dataIn(await send({ path: 'secret/metadata/a' })))).not.toContain('current_metadata_version')
    const listed = await send({ path: 'secret/metadata/', query: { list: 'true', limit: '1', after: 'a' } })
    expect(dataIn(listed)['keys']).toEqual(['a', 'b', 'c'])
    expect(bodyOf(listed)['warnings']).toEqual(['Endpoint ignored these unrecognized parameters: [after limit]'])
    expect((await send({ path: 'secret/metadata/a', body: { metadata_cas: 7, max_versions: 3 } })).status).toBe(204)
    expect(bodyOf(await send({ path: 'sys/health' }))).toMatchObject({ enterprise: false, performance_standby: false })
    expect(JSON.stringify(await send({ path: 'secret/foo' }))).toContain("If using the Vault CLI, use 'vault kv get'")
  })

  test('OpenBao compares the version of metadata only where a patch changes something', async () => {
    const { send } = await open({ flavour: 'openbao' })
    await send({ path: 'secret/data/a', body: { data: {} } })
    const patch = async (body: object) => (await send({ method: 'PATCH', path: 'secret/metadata/a', body })).status
    expect([await patch({ metadata_cas: 7 }), await patch({ metadata_cas: 7, max_versions: 3 })]).toEqual([204, 400])
  })

  test('a patch takes the time of deletion away, which it does not in OpenBao', async () => {
    for (const [flavour, left] of [
      ['vault', '0s'],
      ['openbao', '1h0m0s'],
    ] as const) {
      const { send } = await open({ flavour })
      await send({ path: 'secret/metadata/a', body: { delete_version_after: '1h' } })
      await send({ method: 'PATCH', path: 'secret/metadata/a', body: { delete_version_after: '0s' } })
      expect(dataIn(await send({ path: 'secret/metadata/a' }))['delete_version_after']).toBe(left)
    }
  })

  test('tokens look like its own', async () => {
    expect((await open()).emulator.createToken()).toMatch(/^hvs\./)
    expect((await open({ flavour: 'openbao' })).emulator.createToken()).toMatch(/^s\./)
  })
})

describe('namespaces', () => {
  test('each has keys of its own', async () => {
    const { send } = await open()
    const inside = (name: string) => ({ path: 'secret/data/a', headers: { 'x-vault-namespace': name } })
    await send({ ...inside('team'), body: { data: { x: 'theirs' } } })
    expect((await send({ path: 'secret/data/a' })).status).toBe(404)
    expect(dataIn(await send(inside('/team/')))['data']).toEqual({ x: 'theirs' })
    expect((await send(inside('other'))).status).toBe(404)
  })

  test('only those that are named, when some are', async () => {
    const { send } = await open({ namespaces: ['team'] })
    const list = (name: string): Promise<Answered> => send({ method: 'LIST', path: 'secret/metadata', headers: { 'x-vault-namespace': name } })
    expect((await list('team')).body).toEqual({ errors: [] })
    expect((await list('other')).body).toEqual({ errors: ['namespace not found'] })
    expect((await list('root')).body).toEqual({ errors: [] })
  })
})

test('a version that is deleted again was deleted when it was', async () => {
  const { emulator, send } = await open()
  await send({ path: 'secret/data/a', body: { data: {} } })
  const deleted = async (): Promise<unknown> => {
    await send({ method: 'DELETE', path: 'secret/data/a' })
    return (dataIn(await send({ path: 'secret/data/a' }))['metadata'] as Readonly<Record<string, unknown>>)['deletion_time']
  }
  const first = await deleted()
  emulator.controls.clock.advance(60_000)
  expect([first, await deleted()]).toEqual([expect.stringMatching(/^\d{4}-.*Z$/), first])
})

test('a mount in a folder, and a root token of one’s own', async () => {
  const { emulator, send } = await open({ mount: 'team/kv', rootToken: 'hvs.mine' })
  expect(emulator.rootToken).toBe('hvs.mine')
  expect((await send({ path: 'team/kv/data/a', body: { data: {} } })).status).toBe(200)
  expect((await send({ path: 'secret/data/a' })).body).toEqual({ errors: ['no handler for route "secret/data/a". route entry not found.'] })
})

test('__proto__ is a name like any other', async () => {
  const { send } = await open()
  const body = '{"data":{"__proto__":{"x":1},"a":1}}'
  await send({ path: 'secret/data/p', body })
  await send({ method: 'PATCH', path: 'secret/data/p', body: '{"data":{"__proto__":{"y":2}}}', type: 'application/merge-patch+json' })
  const stored = dataIn(await send({ path: 'secret/data/p' }))['data'] as object
  expect(JSON.stringify(Object.entries(stored))).toBe('[["__proto__",{"x":1,"y":2}],["a",1]]')
})

test('LIST gets through on a connection that is used again, and a body is left as it is', async () => {
  const { emulator } = await open()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const sockets = new Set<unknown>()
  const send = (method: string, path: string, body = ''): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { 'x-vault-token': emulator.rootToken }
      const sent = request(`${emulator.url}/v1/${path}`, { method, agent, headers }, answer => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part: string) => (text += part))
        answer.on('end', () => resolve(text))
      })
      sent.on('socket', socket => sockets.add(socket)).on('error', reject)
      sent.end(body)
    })
  const large = `LIST ${'LIST '.repeat(100_000)}`
  for (let round = 0; round < 3; round += 1) {
    await send('POST', 'secret/data/folder/key', JSON.stringify({ data: { x: large } }))
    expect(JSON.parse(await send('LIST', 'secret/metadata/folder'))).toMatchObject({ data: { keys: ['key'] } })
    expect(JSON.parse(await send('GET', 'secret/data/folder/key'))).toMatchObject({ data: { data: { x: large } } })
  }
  expect(sockets.size).toBe(1)
  expect(new Set(emulator.controls.journal.map(({ operation }) => operation))).toEqual(new Set(['WriteData', 'ListMetadata', 'ReadData']))
  agent.destroy()
})

function keys(count: number): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
}
