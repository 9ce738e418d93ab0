import { isSecretError, type NativePath, type SecretDriver, type SecretErrorCode, type VersionId } from '@strongroom/core'
import createVault from 'node-vault'
import { describe, expect, test } from 'vitest'
import { vaultDriver, vaultSecretStore } from '../src/index.ts'

const address = 'http://vault.test:8200'
const path = 'app/a' as NativePath
const call = { signal: new AbortController().signal, attempt: 1 }
const payload = { bytes: new TextEncoder().encode('v'), text: true }
const V2 = { data: { type: 'kv', options: { version: '2' } } }
const time = '2026-01-02T03:04:05.678901234Z'
const version = { created_time: time, deletion_time: '', destroyed: false }

type Asked = { readonly method: string; readonly path: string; readonly json?: unknown }

/** A driver over a ready client that gives these answers, by method and path; an error is thrown. */
function answering(answers: Readonly<Record<string, unknown>>, seen: Asked[] = []): SecretDriver {
  const client = {
    request: async ({ method, path, json }: Asked): Promise<unknown> => {
      seen.push({ method, path, ...(json === undefined ? {} : { json }) })
      const all: Readonly<Record<string, unknown>> = { 'GET /sys/internal/ui/mounts/secret': V2, ...answers }
      const answer = all[`${method} ${path}`]
      if (answer instanceof Error) throw answer
      return answer
    },
  }
  return vaultDriver({ address, client })
}

async function codeOf(driver: SecretDriver, work: Promise<unknown>): Promise<[SecretErrorCode, string]> {
  const answer = await work.then(
    () => undefined,
    (error: unknown) => driver.classify(error),
  )
  if (answer === undefined) throw new Error('it must fail')
  return [answer.code, answer.effect]
}

const refusal = (statusCode: number, errors: readonly string[] = []): Error =>
  Object.assign(new Error('x'), { response: { statusCode, body: { errors } } })
const metadata = (more: object = {}): object => ({
  data: {
    current_version: 1,
    max_versions: 10_000,
    created_time: time,
    updated_time: time,
    custom_metadata: null,
    versions: { 1: version },
    ...more,
  },
})

describe('every answer is looked at', () => {
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['text', 'x'],
    ['a list', []],
    ['no data', {}],
    ['no version', { data: { data: { value: 'v' }, metadata: {} } }],
    ['no metadata', { data: { data: { value: 'v' } } }],
    ['another version', { data: { data: { value: 'v' }, metadata: { version: 2 } } }],
    ['a version that is text', { data: { data: { value: 'v' }, metadata: { version: '1' } } }],
    ['no value', { data: { data: null, metadata: { version: 1 } } }],
    ['a value that is a list', { data: { data: ['v'], metadata: { version: 1 } } }],
    ['base64 that is none', { data: { data: { value: 'v*', encoding: 'base64' }, metadata: { version: 1 } } }],
  ])('a read that is answered with %s is corrupt', async (_, answer) => {
    const driver = answering({ 'GET /secret/data/app/a?version=1': answer })
    expect(await codeOf(driver, driver.read({ path, version: '1' as VersionId }, call))).toEqual(['corrupt', 'none'])
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['no version', { data: {} }],
    ['version 0', { data: { version: 0 } }],
    ['version 1.5', { data: { version: 1.5 } }],
  ])('a write that is answered with %s is corrupt, and may have been applied', async (_, answer) => {
    const driver = answering({ 'POST /secret/data/app/a': answer, 'GET /secret/metadata/app/a': metadata() })
    expect(await codeOf(driver, driver.create({ path, payload, labels: {}, token: 'x' }, call))).toEqual(['corrupt', 'unknown'])
    expect(await codeOf(driver, driver.append({ path, payload, token: 'x', after: undefined, staged: false }, call))).toEqual(['corrupt', 'unknown'])
  })

  test.each<[string, object]>([
    ['no newest version', { current_version: undefined }],
    ['a newest version below 0', { current_version: -1 }],
    ['no limit', { max_versions: null }],
    ['no versions', { versions: null }],
    ['a version that has no number', { versions: { latest: version } }],
    ['a version that is text', { versions: { 1: 'x' } }],
    ['labels that are numbers', { custom_metadata: { owner: 1 } }],
  ])('metadata with %s are corrupt, and nothing was written', async (_, more) => {
    const driver = answering({ 'GET /secret/metadata/app/a': metadata(more) })
    expect(await codeOf(driver, driver.versions({ path, after: undefined, page: undefined }, call))).toEqual(['corrupt', 'none'])
    expect(await codeOf(driver, driver.append({ path, payload, token: 'x', after: undefined, staged: false }, call))).toEqual(['corrupt', 'none'])
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['no keys', { data: {} }],
    ['keys that are numbers', { data: { keys: [1] } }],
  ])('a list that is answered with %s is corrupt', async (_, answer) => {
    const driver = answering({ 'GET /secret/metadata/app/?list=true&limit=1000': answer })
    expect(await codeOf(driver, driver.list({ prefix: 'app/', withLabels: false, page: undefined }, call))).toEqual(['corrupt', 'none'])
  })

  test('an empty folder about which Vault has something to say is a success without keys', async () => {
    for (const data of [{}, null, { keys: null }]) {
      const answer = { data, warnings: ['Endpoint ignored these unrecognized parameters: [limit]'] }
      const driver = answering({ 'GET /secret/metadata/app/?list=true&limit=1000': answer })
      expect(await driver.list({ prefix: 'app/', withLabels: false, page: undefined }, call)).toEqual({ items: [], next: undefined })
    }
  })

  test('what outsiders have written in other fields is its JSON, and what is ours is the value', async () => {
    const read = async (data: object): Promise<[string, boolean]> => {
      const driver = answering({ 'GET /secret/data/app/a': { data: { data, metadata: { version: 3 } } } })
      const { payload } = await driver.read({ path, version: undefined }, call)
      return [new TextDecoder().decode(payload.bytes), payload.text]
    }
    expect(await read({ value: 'v' })).toEqual(['v', true])
    expect(await read({ value: '' })).toEqual(['', true])
    expect(await read({ value: 'dg==', encoding: 'base64' })).toEqual(['v', false])
    expect(await read({ username: 'u', password: 'p' })).toEqual(['{"username":"u","password":"p"}', true])
    expect(await read({ value: 5 })).toEqual(['{"value":5}', true])
    expect(await read({ value: 'v', note: 'n' })).toEqual(['{"value":"v","note":"n"}', true])
    expect(await read({ value: 'dg==', encoding: 'hex' })).toEqual(['{"value":"dg==","encoding":"hex"}', true])
    expect(await read({})).toEqual(['{}', true])
  })

  test('a version has the state that the server tells, and one whose deletion is to come is still usable', async () => {
    const versions = {
      10: version,
      9: { ...version, deletion_time: '2999-01-01T00:00:00Z' },
      2: { ...version, deletion_time: time },
      1: { ...version, deletion_time: time, destroyed: true },
    }
    const driver = answering({ 'GET /secret/metadata/app/a': metadata({ current_version: 10, versions }) })
    const { items, next } = await driver.versions({ path, after: undefined, page: undefined }, call)
    expect(items.map(({ version, state, current }) => [version, state, current])).toEqual([
      ['1', 'destroyed', false],
      ['2', 'disabled', false],
      ['9', 'usable', false],
      ['10', 'usable', true],
    ])
    expect([items[0]?.createdAt?.toISOString(), items[0]?.token, next]).toEqual(['2026-01-02T03:04:05.678Z', undefined, undefined])
  })

  test('labels without a version are no secret', async () => {
    const empty = metadata({ current_version: 0, versions: {}, custom_metadata: { owner: 'a' } })
    const driver = answering({ 'GET /secret/metadata/app/a': empty, 'GET /secret/metadata/app/?list=true&limit=100': { data: { keys: ['a'] } } })
    expect(await codeOf(driver, driver.versions({ path, after: undefined, page: undefined }, call))).toEqual(['not_found', 'none'])
    expect(await codeOf(driver, driver.append({ path, payload, token: 'x', after: undefined, staged: false }, call))).toEqual(['not_found', 'none'])
    expect(await driver.list({ prefix: 'app/', withLabels: true, page: undefined }, call)).toEqual({ items: [], next: undefined })
  })
})

describe('what is sent', () => {
  test('a create writes the value for a key that is new, then its labels and how many versions to keep', async () => {
    const seen: Asked[] = []
    const driver = answering({ 'POST /secret/data/app/a': { data: { version: 1 } } }, seen)
    expect(await driver.create({ path, payload, labels: { owner: 'x' }, token: 't' }, call)).toEqual({ version: '1', fullPath: 'secret/data/app/a' })
    expect(seen).toEqual([
      { method: 'GET', path: '/sys/internal/ui/mounts/secret' },
      { method: 'POST', path: '/secret/data/app/a', json: { options: { cas: 0 }, data: { value: 'v' } } },
      { method: 'POST', path: '/secret/metadata/app/a', json: { max_versions: 10_000, custom_metadata: { owner: 'x' } } },
    ])
  })

  test('a create whose labels could not be written may have been applied, whatever the second answer', async () => {
    for (const second of [refusal(403), refusal(400), refusal(429), Object.assign(new Error('x'), { code: 'ECONNREFUSED' })]) {
      const driver = answering({ 'POST /secret/data/app/a': { data: { version: 1 } }, 'POST /secret/metadata/app/a': second })
      const [, effect] = await codeOf(driver, driver.create({ path, payload, labels: {}, token: 't' }, call))
      expect(effect).toBe('unknown')
    }
  })

  test('an append whose look fails has done nothing; one whose write fails may have', async () => {
    const lost = Object.assign(new Error('x'), { code: 'ECONNRESET' })
    const append = (driver: SecretDriver): Promise<unknown> => driver.append({ path, payload, token: 't', after: undefined, staged: false }, call)
    const blind = answering({ 'GET /secret/metadata/app/a': lost })
    expect(await codeOf(blind, append(blind))).toEqual(['unavailable', 'none'])
    const mute = answering({ 'GET /secret/metadata/app/a': metadata(), 'POST /secret/data/app/a': lost })
    expect(await codeOf(mute, append(mute))).toEqual(['unavailable', 'unknown'])
  })

  test('an append that a faster writer keeps overtaking goes on; a server that only says so does not hold it for ever', async () => {
    const mismatch = refusal(400, ['check-and-set parameter did not match the current version'])
    const seen: Asked[] = []
    const driver = answering({ 'GET /secret/metadata/app/a': metadata(), 'POST /secret/data/app/a': mismatch }, seen)
    const work = driver.append({ path, payload, token: 't', after: undefined, staged: false }, call)
    expect(await codeOf(driver, work)).toEqual(['conflict', 'none'])
    expect(seen.filter(({ method }) => method === 'POST')).toHaveLength(2)
  })

  test('a token that a client has is not asked for, nor logged in for', async () => {
    const seen: Asked[] = []
    const driver = answering({ 'GET /secret/data/app/a': refusal(403), 'GET /auth/token/lookup-self': { data: {} } }, seen)
    expect(await codeOf(driver, driver.read({ path, version: undefined }, call))).toEqual(['permission_denied', 'none'])
    expect(seen.map(({ path }) => path)).toEqual(['/sys/internal/ui/mounts/secret', '/secret/data/app/a', '/auth/token/lookup-self'])
  })
})

describe('a ready client', () => {
  test('is not waited for when the signal says so, though it hears nothing of it', async () => {
    const driver = vaultDriver({ address, client: { request: () => new Promise(() => {}) } })
    const abort = new AbortController()
    const work = driver.read({ path, version: undefined }, { signal: abort.signal, attempt: 1 })
    abort.abort()
    expect((await codeOf(driver, work))[0]).toBe('aborted')
  })

  test('can be node-vault’s own', async () => {
    const asked: unknown[] = []
    const send = async ({ method, uri, headers }: { method: string; uri: string; headers: object }): Promise<object> => {
      asked.push([method, uri, headers])
      const body = uri.includes('/sys/') ? V2 : { data: { data: { value: 'v' }, metadata: { version: 1 } } }
      return { statusCode: 200, body, request: { path: '' } }
    }
    const client = createVault({ endpoint: address, token: 'mine', 'request-promise': { defaults: () => send } })
    await using store = vaultSecretStore({ address, namespace: 'team', client })
    expect((await store.get('a')).value.revealText()).toBe('v')
    const headers = { 'X-Vault-Request': 'true', 'X-Vault-Namespace': 'team', 'X-Vault-Token': 'mine' }
    expect(asked[1]).toEqual(['GET', `${address}/v1/secret/data/a`, headers])
  })

  test('a version that is no number is not asked for', async () => {
    const seen: Asked[] = []
    const driver = answering({}, seen)
    for (const odd of ['0', '-1', '1e3', 'latest', '01', '1?x']) {
      expect(await codeOf(driver, driver.read({ path, version: odd as VersionId }, call))).toEqual(['not_found', 'none'])
      await driver.destroyVersion({ path, version: odd as VersionId }, call)
    }
    expect(seen).toEqual([])
  })

  test('is told of a mount that is not KV version 2, before anything is written', async () => {
    for (const data of [{ type: 'kv', options: { version: '1' } }, { type: 'kv', options: null }, { type: 'transit', options: {} }, undefined]) {
      const seen: Asked[] = []
      const driver = answering({ 'GET /sys/internal/ui/mounts/secret': { data } }, seen)
      expect(await codeOf(driver, driver.create({ path, payload, labels: {}, token: 't' }, call))).toEqual(['misconfigured', 'none'])
      expect(seen).toHaveLength(1)
    }
  })

  test('what is not offered is unsupported', async () => {
    const driver = answering({})
    for (const work of [
      driver.promote({ path, version: '1' as VersionId, from: '2' as VersionId }, call),
      driver.readMany({ paths: [path] }, call),
      driver.restore({ path }, call),
      driver.remove({ path, purge: false }, call),
    ]) {
      expect(await codeOf(driver, work)).toEqual(['unsupported', 'none'])
    }
    expect(
      isSecretError(
        await vaultSecretStore({ address, client: { request: async () => ({}) } })
          .restore('a')
          .catch((e: unknown) => e),
      ),
    ).toBe(true)
  })
})
