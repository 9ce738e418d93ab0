import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startVaultEmulator, type VaultEmulator } from '../../src/vault/index.ts'
import { ask, type Answered, type Ask } from './ask.ts'

const VALUE = 'correct horse battery staple'

let emulator: VaultEmulator

beforeEach(async () => {
  emulator = await startVaultEmulator()
})
afterEach(() => emulator.stop())

const send = (request: Partial<Ask> & Pick<Ask, 'path'>): Promise<Answered> =>
  ask(emulator.url, { method: request.body === undefined ? 'GET' : 'POST', token: emulator.rootToken, ...request })
const put = (key: string, x: string = VALUE, options: object = {}): Promise<Answered> =>
  send({ path: `secret/data/${key}`, body: { data: { x }, options } })
const get = (key: string, query: Readonly<Record<string, string>> = {}): Promise<Answered> => send({ path: `secret/data/${key}`, query })
const valueIn = ({ body }: Answered): unknown => (body as { readonly data?: { readonly data?: { readonly x?: unknown } } }).data?.data?.x
const errorsIn = ({ body }: Answered): unknown => (body as { readonly errors?: unknown }).errors
const authIn = ({ body }: Answered): Readonly<Record<string, unknown>> => (body as { readonly auth: Readonly<Record<string, unknown>> }).auth
const dataIn = ({ body }: Answered): Readonly<Record<string, unknown>> => (body as { readonly data: Readonly<Record<string, unknown>> }).data
const login = (mount: string, body: unknown): Promise<Answered> => send({ path: `auth/${mount}/login`, body, token: undefined })

describe('faults', () => {
  test.each([
    ['bad_request', 400, 'invalid request'],
    ['cas_mismatch', 400, 'check-and-set parameter did not match the current version'],
    ['upgrading', 400, /^Upgrading from non-versioned to versioned data/],
    ['permission_denied', 403, '1 error occurred:\n\t* permission denied\n\n'],
    ['invalid_token', 403, 'permission denied'],
    ['not_found', 404, undefined],
    ['stale', 412, 'required index state not present'],
    ['too_large', 413, 'http: request body too large'],
    ['rate_limited', 429, /rate limit quota exceeded$/],
    ['lease_quota', 429, /lease count quota exceeded$/],
    ['internal', 500, '1 error occurred:\n\t* internal error\n\n'],
    ['standby', 500, 'local node not active but active cluster node not found'],
    ['sealed', 503, 'Vault is sealed'],
  ])('fail with %s answers %i, and nothing is applied', async (code, status, message) => {
    emulator.controls.inject({ kind: 'fail', code })
    const answered = await put('a')
    expect(answered.status).toBe(status)
    expect(errorsIn(answered)).toEqual(message === undefined ? [] : [typeof message === 'string' ? message : expect.stringMatching(message)])
    expect((await get('a')).status).toBe(404)
  })

  test('a code that there is not is refused at once', async () => {
    expect(() => emulator.controls.inject({ kind: 'fail', code: 'nothing' })).toThrow(RangeError)
    expect((await put('a')).status).toBe(200)
  })

  test('throttle answers 429 with whole seconds', async () => {
    emulator.controls.inject({ kind: 'throttle', retryAfterMs: 1_200 })
    emulator.controls.inject({ kind: 'throttle' })
    const [first, second] = [await put('a'), await put('a')]
    expect([first.status, first.headers.get('retry-after'), second.status, second.headers.get('retry-after')]).toEqual([429, '2', 429, null])
    expect((await get('a')).status).toBe(404)
  })

  test('answer is what it says, and nothing is applied', async () => {
    emulator.controls.inject({ kind: 'answer', status: 502, body: '<html></html>' })
    const answered = await put('a')
    expect([answered.status, answered.body, answered.type]).toEqual([502, '<html></html>', 'text/html'])
    expect((await get('a')).status).toBe(404)
  })

  test.each([
    ['reset', 404],
    ['lose', 200],
    ['cut', 200],
  ] as const)('%s fails the request; a read after it answers %i', async (kind, status) => {
    emulator.controls.inject({ kind })
    await expect(put('a')).rejects.toThrow()
    expect((await get('a')).status).toBe(status)
  })

  test('stall never answers, and nothing is applied', async () => {
    emulator.controls.inject({ kind: 'stall' })
    const abort = new AbortController()
    const body = JSON.stringify({ data: { x: VALUE } })
    const headers = { 'x-vault-token': emulator.rootToken }
    const stalled = fetch(`${emulator.url}/v1/secret/data/a`, { method: 'POST', body, headers, signal: abort.signal })
    while (emulator.controls.requests === 0) await new Promise(resolve => setImmediate(resolve))
    abort.abort()
    await expect(stalled).rejects.toThrow('aborted')
    expect((await get('a')).status).toBe(404)
  })

  test('slow and delay answer in full', async () => {
    emulator.controls.inject({ kind: 'slow', gapMs: 1 })
    emulator.controls.inject({ kind: 'delay', ms: 1 })
    expect([(await put('a')).status, valueIn(await get('a'))]).toEqual([200, VALUE])
  })

  test('only the operations that are named meet it', async () => {
    emulator.controls.inject({ kind: 'fail', code: 'internal' }, { operations: ['ListMetadata'] })
    expect([(await put('a')).status, (await get('a')).status]).toEqual([200, 200])
    expect((await send({ method: 'LIST', path: 'secret/metadata' })).status).toBe(500)
    expect((await send({ method: 'LIST', path: 'secret/metadata' })).status).toBe(200)
  })
})

describe('the journal', () => {
  test('has operations, names and answers, and neither values nor tokens', async () => {
    emulator.addRole({ auth: 'approle', roleId: 'the-role', secretId: 'the-secret-id' })
    await put('app/db')
    await get('app/db')
    await send({ path: 'auth/token/lookup-self', token: 'hvs.stranger' })
    await login('approle', { role_id: 'the-role', secret_id: 'the-secret-id' })
    emulator.controls.inject({ kind: 'reset' })
    await get('app/db').catch(() => undefined)
    const { journal } = emulator.controls
    expect(journal.map(({ operation, name, answered, fault }) => [operation, name, answered, fault])).toEqual([
      ['WriteData', 'app/db', 200, undefined],
      ['ReadData', 'app/db', 200, undefined],
      ['LookupSelf', undefined, 403, undefined],
      ['LoginAppRole', undefined, 200, undefined],
      ['ReadData', 'app/db', 'none', 'reset'],
    ])
    const text = JSON.stringify(journal)
    for (const secret of [VALUE, emulator.rootToken, 'hvs.', 'the-secret-id']) expect(text).not.toContain(secret)
  })

  test('names each operation', async () => {
    const requests: readonly (Partial<Ask> & Pick<Ask, 'path'>)[] = [
      { method: 'PATCH', path: 'secret/data/a', body: { data: {} } },
      { method: 'DELETE', path: 'secret/data/a' },
      { path: 'secret/delete/a', body: { versions: [1] } },
      { path: 'secret/undelete/a', body: { versions: [1] } },
      { path: 'secret/destroy/a', body: { versions: [1] } },
      { path: 'secret/metadata/a' },
      { path: 'secret/metadata/a', body: {} },
      { method: 'PATCH', path: 'secret/metadata/a', body: {} },
      { path: 'secret/metadata/', query: { list: 'true' } },
      { method: 'DELETE', path: 'secret/metadata/a' },
      { path: 'secret/config' },
      { path: 'secret/config', body: {} },
      { path: 'auth/token/create', body: {} },
      { path: 'auth/token/renew-self', body: {} },
      { path: 'auth/jwt/login', body: {} },
      { path: 'auth/kubernetes/login', body: {} },
      { path: 'sys/health' },
      { path: 'sys/seal-status' },
      { path: 'sys/mounts' },
      { path: 'auth/token/revoke-self', body: {} },
    ]
    for (const request of requests) await send(request)
    expect(emulator.controls.journal.map(({ operation }) => operation)).toEqual([
      'PatchData',
      'DeleteData',
      'DeleteVersions',
      'UndeleteVersions',
      'DestroyVersions',
      'ReadMetadata',
      'WriteMetadata',
      'PatchMetadata',
      'ListMetadata',
      'DeleteMetadata',
      'ReadConfig',
      'WriteConfig',
      'CreateToken',
      'RenewSelf',
      'LoginJwt',
      'LoginKubernetes',
      'ReadHealth',
      'ReadSealStatus',
      'Unknown',
      'RevokeSelf',
    ])
  })
})

describe('permissions', () => {
  test('a token may do what it was permitted, and always look at itself', async () => {
    const { controls } = emulator
    controls.permit('writer', { operations: ['WriteData'] })
    const write = { path: 'secret/data/a', body: { data: { x: VALUE } } }
    expect((await send({ ...write, token: 'writer' })).status).toBe(200)
    for (const request of [{ path: 'secret/data/a' }, { method: 'LIST', path: 'secret/metadata' }, { path: 'none/data/a' }]) {
      const answered = await send({ ...request, token: 'writer' })
      expect([answered.status, errorsIn(answered)]).toEqual([403, ['1 error occurred:\n\t* permission denied\n\n']])
    }
    expect((await send({ path: 'auth/token/lookup-self', token: 'writer' })).status).toBe(200)
    expect((await send({ path: 'secret/data/a', token: 'writer' })).status).toBe(403) // looking at itself changed nothing
    expect((await get('a')).status).toBe(200) // the root token is what it was
    controls.permit('writer', { expiresInMs: 1_000 })
    expect((await send({ path: 'secret/data/a', token: 'writer' })).status).toBe(200)
    controls.clock.advance(1_000)
    expect((await send({ path: 'secret/data/a', token: 'writer' })).status).toBe(403)
  })

  test.each([undefined, '', 'hvs.stranger'])('the token %o is nobody', async token => {
    for (const path of ['secret/data/a', 'none/data/a', 'auth/token/lookup-self']) {
      const answered = await send({ path, token })
      const known = token === 'hvs.stranger' ? '2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n' : 'permission denied'
      expect([answered.status, errorsIn(answered)]).toEqual([403, [known]])
    }
  })
})

describe('tokens', () => {
  test('end by the clock, are renewed, and not beyond their longest time', async () => {
    const { controls } = emulator
    const token = emulator.createToken({ ttlMs: 60_000, maxTtlMs: 100_000 })
    const renew = (body: object = {}): Promise<Answered> => send({ path: 'auth/token/renew-self', body, token })
    const left = async (): Promise<unknown> => dataIn(await send({ path: 'auth/token/lookup-self', token }))['ttl']
    expect(await left()).toBe(60)
    controls.clock.advance(30_000)
    expect(await left()).toBe(30)
    expect(authIn(await renew())).toMatchObject({ client_token: token, lease_duration: 60, renewable: true })
    controls.clock.advance(50_000)
    const capped = await renew({ increment: '1h' })
    expect([authIn(capped)['lease_duration'], (capped.body as { warnings: unknown }).warnings]).toEqual([
      20,
      ['TTL of "1h" exceeded the effective max_ttl of "20s"; TTL value is capped accordingly'],
    ])
    controls.clock.advance(20_000)
    expect([(await renew()).status, (await send({ path: 'secret/data/a', token })).status]).toEqual([403, 403])
  })

  test('a child ends with its parent and may do no more; an orphan does not', async () => {
    const parent = emulator.createToken({ operations: ['ReadData', 'CreateToken'] })
    const childOf = async (body: object): Promise<string> =>
      String(authIn(await send({ path: 'auth/token/create', body, token: parent }))['client_token'])
    const [child, orphan] = [await childOf({ ttl: '1h' }), await childOf({ ttl: '1h', no_parent: true })]
    const write = { path: 'secret/data/a', body: { data: {} } }
    expect((await send({ ...write, token: child })).status).toBe(403)
    expect((await send({ path: 'secret/data/a', token: child })).status).toBe(404)
    expect((await send({ path: 'auth/token/revoke-self', body: {}, token: parent })).status).toBe(204)
    const lookup = 'auth/token/lookup-self'
    expect([(await send({ path: lookup, token: child })).status, (await send({ path: lookup, token: orphan })).status]).toEqual([403, 200])
  })

  test('one that cannot be renewed says so', async () => {
    const token = emulator.createToken({ renewable: false })
    const answered = await send({ path: 'auth/token/renew-self', body: {}, token })
    expect([answered.status, errorsIn(answered)]).toEqual([400, ['lease is not renewable']])
  })

  test('a login gives a token that may do what its role may', async () => {
    const role = {
      auth: 'kubernetes',
      role: 'app',
      mount: 'k8s/one',
      accepts: (jwt: string) => jwt.startsWith('pod-'),
      operations: ['ReadData'],
    } as const
    emulator.addRole({ ...role, ttlMs: 60_000 })
    const auth = authIn(await login('k8s/one', { role: 'app', jwt: 'pod-7' }))
    expect(auth).toMatchObject({ lease_duration: 60, renewable: true, metadata: { role: 'app' } })
    const token = String(auth['client_token'])
    expect((await send({ path: 'secret/data/a', token })).status).toBe(404)
    expect((await send({ path: 'secret/metadata/a', token })).status).toBe(403)
    emulator.controls.clock.advance(60_000)
    expect((await send({ path: 'secret/data/a', token })).status).toBe(403)
    expect((await login('k8s/one', { role: 'app', jwt: 'node-7' })).status).toBe(403)
    expect((await login('k8s/one', { role: 'other', jwt: 'pod-7' })).status).toBe(400)
    expect((await login('k8s/two', { role: 'app', jwt: 'pod-7' })).status).toBe(403) // nothing is mounted there
  })
})

describe('lag', () => {
  test('a standby shows the state before a write until the lag is over', async () => {
    const { controls } = emulator
    await put('a', 'one')
    controls.lag.latest = 5_000
    controls.clock.advance(5_000)
    await put('a', 'two', { cas: 1 })
    expect([valueIn(await get('a')), (await get('a', { version: '2' })).status]).toEqual(['one', 404])
    expect(dataIn(await send({ path: 'secret/metadata/a' }))['current_version']).toBe(1)
    expect((await put('a', 'three', { cas: 1 })).status).toBe(400) // writes go to the active node
    controls.clock.advance(4_000)
    expect(valueIn(await get('a'))).toBe('one')
    controls.clock.advance(1_000)
    expect(valueIn(await get('a'))).toBe('two')
    await send({ method: 'DELETE', path: 'secret/metadata/a' })
    await put('a', 'anew', { cas: 0 })
    expect(valueIn(await get('a'))).toBe('two')
    controls.clock.advance(5_000)
    expect(valueIn(await get('a'))).toBe('anew')
  })

  test('lists have a lag of their own', async () => {
    const { controls } = emulator
    controls.lag.lists = 5_000
    await put('a')
    const list = (): Promise<Answered> => send({ method: 'LIST', path: 'secret/metadata' })
    expect([(await get('a')).status, (await list()).status]).toEqual([200, 404])
    controls.clock.advance(5_000)
    expect(dataIn(await list())['keys']).toEqual(['a'])
    await send({ method: 'DELETE', path: 'secret/metadata/a' })
    expect([(await get('a')).status, (await list()).status]).toEqual([404, 200])
    controls.clock.advance(5_000)
    expect((await list()).status).toBe(404)
  })
})

describe('the clock', () => {
  test('deletes versions when their time has come', async () => {
    await send({ path: 'secret/metadata/a', body: { delete_version_after: '1h' } })
    await put('a')
    emulator.controls.clock.advance(3_599_000)
    expect((await get('a')).status).toBe(200)
    emulator.controls.clock.advance(1_000)
    expect((await get('a')).status).toBe(404)
    await send({ path: 'secret/undelete/a', body: { versions: [1] } })
    expect((await get('a')).status).toBe(200)
  })
})

test('sealed, it answers nothing but its status; what it holds stays', async () => {
  await put('a')
  emulator.seal()
  for (const path of ['secret/data/a', 'auth/token/lookup-self', 'auth/approle/login', 'none']) {
    const answered = await send({ path })
    expect([answered.status, errorsIn(answered)]).toEqual([503, ['Vault is sealed']])
  }
  expect([(await send({ path: 'sys/health' })).status, (await send({ path: 'sys/seal-status' })).status]).toEqual([503, 200])
  emulator.unseal()
  expect([(await send({ path: 'sys/health' })).status, valueIn(await get('a'))]).toEqual([200, VALUE])
})

test('after stop nobody answers, and stopping twice is nothing', async () => {
  await emulator.stop()
  await emulator.stop()
  await expect(get('a')).rejects.toThrow('fetch failed')
})
