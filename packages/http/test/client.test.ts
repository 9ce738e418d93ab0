import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { createSecretsClient, SecretsApiError, type SecretsClient } from '../src/client/index.ts'
import { startSecretsServer } from '../src/node/index.ts'
import { KEY, startService, type Service } from './support/service.ts'

const VALUE = 'the-value-that-no-error-has'

let service: Service
let client: SecretsClient
beforeAll(async () => {
  service = await startService({ withReader: true })
  client = createSecretsClient({ baseUrl: service.url, apiKey: KEY, account: 'acme' })
})
afterAll(async () => await service[Symbol.asyncDispose]())

const failure = async (work: Promise<unknown>): Promise<SecretsApiError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof SecretsApiError)) throw new Error(`not an error of the API: ${inspect(error)}`)
  for (const text of [inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error), error.stack ?? '']) expect(text).not.toContain(VALUE)
  expect(error.cause).toBeUndefined()
  return error
}

/** A server that begins the same answer to each request and never ends it. */
async function answeringHalf(bytes: string): Promise<AsyncDisposable & { readonly url: string; readonly cut: () => void }> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => void socket.write(bytes))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => sockets.forEach(socket => void socket.destroy())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async [Symbol.asyncDispose]() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('the typed client', () => {
  it('creates, shows, updates under a condition, reads and deletes', async () => {
    const made = await client.create({ key: 'stripe-key', value: VALUE, description: 'x' }, { idempotencyKey: 'one' })
    expectTypeOf(made.created_by.type).toEqualTypeOf<'user' | 'service_account'>()
    expect(await client.create({ key: 'stripe-key', value: VALUE, description: 'x' }, { idempotencyKey: 'one' })).toEqual(made)
    expect(await client.get(made.id)).toEqual(made)
    const updated = await client.update(made.id, { value_base64: 'AP8=' }, { ifMatch: made.etag })
    expect([updated.etag, updated.description]).toEqual(['"2"', 'x'])
    expect(await client.readValue(made.id)).toEqual({ id: made.id, key: 'stripe-key', object: 'sgp_cloud_secret_value', value_base64: 'AP8=' })
    expect(await failure(client.update(made.id, { value: VALUE }, { ifMatch: made.etag }))).toMatchObject({
      status: 412,
      code: 'precondition_failed',
    })
    expect(await failure(client.delete(made.id, { ifMatch: '"9"' }))).toMatchObject({ status: 412 })
    await client.delete(made.id)
    expect(await failure(client.get(made.id))).toMatchObject({ operation: 'getSecret', status: 404, code: 'not_found' })
    expect(await failure(client.get('../healthz'))).toMatchObject({ status: 404, code: 'not_found' })
  })

  it('pages forward by the last id and backward by the first, while what it has seen is deleted', async () => {
    const keys = Array.from({ length: 11 }, (_, n) => `page-${String(n).padStart(2, '0')}`)
    for (const key of keys) await client.create({ key, value: VALUE })
    const query = { limit: 3, sort_by: 'key', sort_order: 'asc' } as const
    expect((await Array.fromAsync(client.all(query))).map(({ key }) => key)).toEqual(keys)
    const [last] = (await client.list({ limit: 1, sort_by: 'key', sort_order: 'desc' })).items
    const backward = await Array.fromAsync(client.pages({ ...query, ending_before: last?.id }))
    expect(backward.toReversed().flatMap(({ items }) => items.map(({ key }) => key))).toEqual(keys.slice(0, -1))
    const seen: string[] = []
    for await (const { id, key } of client.all(query)) {
      seen.push(key)
      await client.delete(id)
    }
    expect(seen).toEqual(keys)
    expect(await Array.fromAsync(client.all(query))).toEqual([])
  })

  it('tells what the server says, and nothing of what was sent', async () => {
    const invalid = await failure(client.create({ key: 'NOT-ALLOWED', value: VALUE }))
    expect([invalid.status, invalid.code, invalid.errors, invalid.message]).toEqual([
      422,
      'invalid_argument',
      [{ path: 'key', message: '1 to 127 of a-z 0-9 -' }],
      'createSecret: key: 1 to 127 of a-z 0-9 - (invalid_argument)',
    ])
    expect(invalid.requestId).toMatch(/^[0-9a-f-]{36}$/)
    const stranger = createSecretsClient({ baseUrl: service.url, token: async () => 'a.b.c', account: 'acme' })
    expect(await failure(stranger.list())).toMatchObject({ status: 401, code: 'unauthenticated' })
  })

  it('repeats nothing of a server that quotes the request, and of a problem tells the code', async () => {
    const value = `${VALUE}-é`
    const escaped = value.replace('é', String.raw`\u00e9`)
    const quoting = `{"code":"internal","detail":"${escaped}","request_id":"${escaped}","errors":[{"path":"a","message":"${escaped}"},{"path":"b","message":"c"}]}`
    const answers = [
      ['application/problem+json', quoting],
      ['text/html', quoting],
      ['application/problem+json', `{"code":"${escaped}","detail":"x"}`],
      ['application/problem+json', '{"code":"internal","detail":"x","errors":[null,7,{"path":1}],"request_id":7}'],
    ]
    await using echo = await startSecretsServer({
      fetch: async () => {
        const [type = '', body] = answers.shift() ?? []
        return new Response(body, { status: 500, headers: { 'content-type': type } })
      },
    })
    const confided = createSecretsClient({ baseUrl: echo.url })
    const next = async (): Promise<SecretsApiError> => await failure(confided.create({ key: 'a', value }))
    expect(await next()).toMatchObject({ status: 500, code: 'internal', errors: [{ path: 'b', message: 'c' }], requestId: undefined })
    for (let turn = 0; turn < 2; turn += 1) expect(await next()).toMatchObject({ status: 500, code: 'not_understood', effect: 'unknown' })
    expect(await next()).toMatchObject({ code: 'internal', message: 'createSecret: x (internal)', errors: [], requestId: undefined })
  })

  it('tells the problem also where the value is a word of it', async () => {
    const key = 'of-plain-words'
    await client.create({ key, value: 'x' })
    for (const value of ['secret', 'that', 'already_exists', 'about:blank']) {
      expect(await failure(client.create({ key, value })), value).toMatchObject({ status: 409, code: 'already_exists' })
    }
    expect(await failure(client.create({ key: 'NOT-ALLOWED', value: 'of a-z 0-9' }))).toMatchObject({ status: 422, code: 'invalid_argument' })
  })

  it.each([
    ['a page to log in', 200, 'text/html', '<html>', 'unknown'],
    ['nothing', 200, 'application/json', '', 'unknown'],
    ['null', 200, 'application/json', 'null', 'unknown'],
    ['something else', 200, 'application/json', '{"object":"something"}', 'unknown'],
    ['a list of nothing', 200, 'application/json', '[]', 'unknown'],
    ['a redirect', 302, 'text/html', '', undefined],
    ['a proxy’s refusal', 429, 'text/html', '<html>', undefined],
    ['a proxy’s trouble', 502, 'text/html', '<html>', 'unknown'],
  ])('of an answer that is not the API’s says so: %s', async (_, status, type, body, effect) => {
    const asked: string[] = []
    await using other = await startSecretsServer({
      fetch: async ({ url }) => {
        asked.push(new URL(url).pathname)
        return new Response(body, { status, headers: { 'content-type': type, location: '/elsewhere', 'retry-after': '7' } })
      },
    })
    const lost = createSecretsClient({ baseUrl: other.url })
    const notUnderstood = { status, code: 'not_understood', retryAfterMs: 7000 }
    expect(await failure(lost.create({ key: 'a', value: VALUE }))).toMatchObject({ ...notUnderstood, effect })
    expect(await failure(lost.update('a', { value: VALUE }))).toMatchObject({ ...notUnderstood, effect })
    for (const read of [lost.get('a'), lost.readValue('a'), lost.list(), Array.fromAsync(lost.all())]) {
      expect(await failure(read)).toMatchObject({ ...notUnderstood, effect: undefined })
    }
    if (body !== '' || status !== 200) expect(await failure(lost.delete('a'))).toMatchObject({ ...notUnderstood, effect })
    expect(asked).not.toContain('/elsewhere')
  })

  it('refuses what cannot be sent, and says nothing of it', async () => {
    const baseUrl = service.url
    const options = [
      { baseUrl: 'localhost:8080' },
      { baseUrl: 'secrets.example.com' },
      { baseUrl: 'file:///tmp' },
      { baseUrl: `http://ada:${VALUE}@127.0.0.1` },
      { baseUrl, apiKey: `${VALUE}\n${VALUE}` },
      { baseUrl, apiKey: `“${VALUE}”` },
      { baseUrl, account: 'a\0b' },
      { baseUrl, timeoutMs: 0 },
      { baseUrl, timeoutMs: Infinity },
    ]
    const thrown = async (work: () => Promise<unknown>): Promise<string> =>
      await work().then(
        () => 'nothing',
        (error: unknown) => inspect(error, { showHidden: true }),
      )
    const refusals = [
      ...options.map(each => async () => createSecretsClient(each)),
      async () => await createSecretsClient({ baseUrl, token: () => `${VALUE}\n${VALUE}` }).list(),
      async () => await client.create({ key: 'a', value: VALUE }, { idempotencyKey: '→' }),
      async () => await client.delete('a', { ifMatch: '"→"' }),
    ]
    for (const refusal of refusals) {
      const text = await thrown(refusal)
      expect(text).toMatch(/^TypeError: (?:baseUrl|timeoutMs|what is given for [a-z-]+) /)
      expect(text).not.toContain(VALUE)
    }
    // As it is in a file, with the end of its line.
    expect((await createSecretsClient({ baseUrl, apiKey: `${KEY}\n`, account: 'acme' }).list({ limit: 1 })).limit).toBe(1)
  })

  it('says of a write without an answer that it may have happened; an abort is the caller’s own', async () => {
    await using silent = await startSecretsServer({ fetch: async () => await new Promise<Response>(() => {}) })
    const impatient = createSecretsClient({ baseUrl: silent.url, timeoutMs: 100 })
    expect(await failure(impatient.create({ key: 'a', value: VALUE }))).toMatchObject({ status: undefined, code: 'no_answer', effect: 'unknown' })
    expect(await failure(impatient.list())).toMatchObject({ code: 'no_answer', effect: 'none' })
    await expect(impatient.list({}, { signal: AbortSignal.abort(new Error('mine')) })).rejects.toThrow('mine')
    await silent.stop({ graceMs: 0 })
  })

  it.each([
    ['200', 'HTTP/1.1 200 OK\r\nContent-Type: application/json'],
    ['503', 'HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json'],
  ])('says the same of an answer of %s that does not come to its end', async (_, head) => {
    await using half = await answeringHalf(`${head}\r\nContent-Length: 99\r\n\r\n{"id":`)
    const timed = createSecretsClient({ baseUrl: half.url, timeoutMs: 100 })
    const noAnswer = { status: undefined, code: 'no_answer' }
    expect(await failure(timed.create({ key: 'a', value: VALUE }))).toMatchObject({ ...noAnswer, effect: 'unknown' })
    expect(await failure(timed.delete('a'))).toMatchObject({ ...noAnswer, effect: 'unknown' })
    expect(await failure(timed.list())).toMatchObject({ ...noAnswer, effect: 'none' })
    const begun = async (signal?: AbortSignal): Promise<{ readonly work: Promise<unknown> }> => {
      const begins = Promise.withResolvers<void>()
      const patient = createSecretsClient({ baseUrl: half.url, fetch: async request => await fetch(request).finally(begins.resolve) })
      const work = patient.create({ key: 'a', value: VALUE }, { signal })
      work.catch(() => {})
      await begins.promise
      return { work }
    }
    const { work: cut } = await begun()
    half.cut()
    expect(await failure(cut)).toMatchObject({ ...noAnswer, effect: 'unknown' })
    const mine = new AbortController()
    const { work: aborted } = await begun(mine.signal)
    mine.abort(new Error('mine'))
    await expect(aborted).rejects.toThrow('mine')
  })

  it('mounts under a path, and takes the fetch that it is given', async () => {
    const seen: string[] = []
    const direct = createSecretsClient({
      baseUrl: 'http://example.com/api/',
      apiKey: KEY,
      account: 'acme',
      fetch: async request => {
        seen.push(request.url)
        return await service.app.fetch(new Request(request.url.replace('/api/', '/'), request))
      },
    })
    expect((await direct.list({ limit: 1 })).limit).toBe(1)
    expect(seen).toEqual(['http://example.com/api/v5/sgp/secrets?limit=1'])
  })
})
