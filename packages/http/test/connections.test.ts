import { once } from 'node:events'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { accountId, memoryDriver, type SecretDriver } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { unsafeAnyone, type RequestEvent } from '../src/index.ts'
import { startSecretsServer, type RefusedRequest } from '../src/node/index.ts'
import { accepting, answerOn, answersIn, connected, exchange, untilClosed } from './support/raw.ts'
import { selfSigned } from './support/self-signed.ts'
import { ADA, KEY, startService } from './support/service.ts'

// What clients do that are slow, rude, gone, or many.

const HEAD = `Host: 127.0.0.1\r\nX-Api-Key: ${KEY}\r\nX-Selected-Account-Id: acme\r\n`
const create = (key: string, value = 'v'): string => {
  const body = JSON.stringify({ key, value })
  return `POST /v5/sgp/secrets HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}
const problemIn = (text: string) =>
  answersIn(text).map(({ status, headers, body }) => ({ status, type: headers['content-type'], code: JSON.parse(body).code as string }))
const problem = (status: number, code: string) => [{ status, type: 'application/problem+json', code }]
const POLL = { timeout: 15_000 }
const tls = selfSigned()
const speakingTls = async (port: number): Promise<TLSSocket> => {
  const socket = connectTls({ port, host: '127.0.0.1', ca: tls.cert, servername: 'localhost' })
  await once(socket, 'secureConnect')
  return socket
}
const turns = async (): Promise<void> => await new Promise(done => setTimeout(done, 20))

/** A driver whose creates wait at a gate. */
function gated(): { readonly driver: SecretDriver; readonly arrived: Promise<void>; open(): void } {
  const driver = memoryDriver()
  const gate = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const held: SecretDriver = { ...driver, create: async (...all) => (arrived.resolve(), await gate.promise, await driver.create(...all)) }
  return { driver: held, arrived: arrived.promise, open: () => gate.resolve() }
}

describe('what is not HTTP as it should be', () => {
  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'malformed_request'],
    ['a TLS client', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'malformed_request'],
    ['no host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],
    ['a host that is none', 'GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],
    ['a target that is none', `GET \\\\x HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`, 400, 'malformed_request'],
    ['header fields too large', `GET /healthz HTTP/1.1\r\n${HEAD}X-Large: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['two lengths', `POST /v5/sgp/secrets HTTP/1.1\r\n${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400, 'malformed_request'],
    [
      'a length and chunks',
      `POST /v5/sgp/secrets HTTP/1.1\r\n${HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nab`,
      400,
      'malformed_request',
    ],
    ['a proxy’s request', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n', 405, 'method_not_allowed'],
    ['an expectation', `GET /healthz HTTP/1.1\r\n${HEAD}Expect: the-unexpected\r\n\r\n`, 417, 'expectation_failed'],
  ])('%s', async (_, bytes, status, code) => {
    await using service = await startService()
    expect(problemIn(await exchange(service.server.port, bytes, { end: false }))).toEqual(problem(status, code))
  })

  it('a handler that throws, at once or later: a 500, and the log is told its kind', async () => {
    const refused: RefusedRequest[] = []
    const fails = [
      () => {
        throw new RangeError('the-value')
      },
      async () => await Promise.reject(new RangeError('the-value')),
    ]
    for (const fail of fails) {
      await using server = await startSecretsServer({ fetch: fail, onRefused: each => refused.push(each) })
      const response = await fetch(server.url)
      const text = await response.text()
      expect([response.status, response.headers.get('content-type'), text]).toEqual([
        500,
        'application/problem+json',
        expect.not.stringContaining('the-value'),
      ])
      expect(refused.splice(0)).toMatchObject([
        { status: 500, code: 'internal', requestId: JSON.parse(text).request_id, trouble: { kind: 'RangeError' } },
      ])
    }
  })

  it('a URL that is too large counts with the header fields, and is told how large it may be', async () => {
    await using service = await startService({ server: { maxHeaderBytes: 2000 } })
    const [answer] = answersIn(await exchange(service.server.port, `GET /healthz?${'x'.repeat(2000)} HTTP/1.1\r\n${HEAD}\r\n`, { end: false }))
    expect([answer?.status, JSON.parse(answer?.body ?? '').detail]).toEqual([
      431,
      expect.stringMatching(/^the URL and .*; at most 2000 bytes together$/),
    ])
  })

  it('HTTP/1.0 need not say whom it asks', async () => {
    await using service = await startService()
    for (const fields of ['', 'Host: probe.example\r\n']) {
      const [answer] = answersIn(await exchange(service.server.port, `GET /healthz HTTP/1.0\r\n${fields}\r\n`))
      expect([answer?.status, answer?.body]).toEqual([200, '{"status":"ok"}'])
    }
    await using anyone = await startService({ authenticate: unsafeAnyone })
    const asked = `GET /v5/sgp/secrets HTTP/1.0\r\nX-Selected-Account-Id: acme\r\n\r\n`
    expect(answersIn(await exchange(anyone.server.port, asked)).map(({ status }) => status)).toEqual([200])
  })

  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'malformed_request'],
    ['a proxy’s request', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n', 405, 'method_not_allowed'],
    ['a head that does not come', 'GET /healthz', 408, 'request_timeout'],
  ])('%s, by a client that does not close: it is answered, and let go', { timeout: 20_000 }, async (_, bytes, status, code) => {
    await using service = await startService({ server: { times: { headersMs: 300 } } })
    using accepted = accepting()
    const socket = await connected(service.server.port, { allowHalfOpen: true })
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
    socket.write(bytes)
    await expect.poll(() => accepted.sockets.map(({ destroyed }) => destroyed), POLL).toEqual([true])
    expect(problemIn(Buffer.concat(chunks).toString('latin1'))).toEqual(problem(status, code))
    expect(socket.destroyed).toBe(false)
    socket.destroy()
  })

  it('answered, and more of it comes: the answer is not lost', async () => {
    await using service = await startService()
    const socket = await connected(service.server.port)
    const received = untilClosed(socket)
    socket.write('hello\r\n\r\n')
    for (let turn = 0; turn < 20 && socket.writable; turn += 1) {
      await turns()
      socket.write('x'.repeat(100_000))
    }
    expect(problemIn(await received)).toEqual(problem(400, 'malformed_request'))
  })

  it('what is no HTTP, behind a create that is under way: the create has its own answer', async () => {
    const { driver, arrived, open } = gated()
    await using service = await startService({ driver })
    const socket = await connected(service.server.port)
    const received = untilClosed(socket)
    socket.write(`${create('a')}garbage\r\n\r\n`)
    await arrived
    await turns()
    socket.write('more of it')
    await turns()
    open()
    expect(answersIn(await received).map(({ status, headers, body }) => [status, headers['connection'], JSON.parse(body).key])).toEqual([
      [200, 'close', 'a'],
    ])
  })

  it('a request to become another protocol is answered as the request that it is', async () => {
    await using service = await startService()
    const bytes = `GET /healthz HTTP/1.1\r\n${HEAD}Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n`
    expect(answersIn(await exchange(service.server.port, bytes)).map(({ status }) => status)).toEqual([200])
  })

  it('100-continue is honoured', async () => {
    await using service = await startService()
    const [head = '', body = ''] = create('a').split('\r\n\r\n')
    const socket = await connected(service.server.port)
    const received = untilClosed(socket)
    socket.write(`${head}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`)
    await once(socket, 'data')
    socket.write(body)
    const text = await received
    expect(text.startsWith('HTTP/1.1 100 Continue')).toBe(true)
    expect(answersIn(text).map(({ status }) => status)).toEqual([200])
  })
})

describe('a slow client', () => {
  const times = { headersMs: 400, requestMs: 800 }

  it('with its header fields is answered 408 and let go, while others are served', async () => {
    await using service = await startService({ server: { times } })
    const slow = await Promise.all(Array.from({ length: 50 }, async () => await connected(service.server.port)))
    const received = slow.map(untilClosed)
    for (const socket of slow) socket.write('GET /v5/sgp/secrets HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ')
    const dripping = setInterval(() => slow.forEach(socket => socket.writable && socket.write('x')), 50)
    expect((await service.call('POST', '/v5/sgp/secrets', { key: 'a', value: 'v' })).status).toBe(200)
    const answers = await Promise.all(received)
    clearInterval(dripping)
    for (const answer of answers) expect(problemIn(answer)).toEqual(problem(408, 'request_timeout'))
    expect((await service.call('GET', '/v5/sgp/secrets')).json.total).toBe(1)
  })

  it('with its body is answered 408 and let go; it takes no place, and nothing is created', async () => {
    await using service = await startService({ server: { times }, maxConcurrent: 2 })
    const slow = await Promise.all(Array.from({ length: 50 }, async () => await connected(service.server.port)))
    const received = slow.map(untilClosed)
    for (const socket of slow) socket.write(create('slow').slice(0, -3))
    expect((await service.call('POST', '/v5/sgp/secrets', { key: 'a', value: 'v' })).status).toBe(200)
    for (const answer of await Promise.all(received)) expect(problemIn(answer)).toEqual(problem(408, 'request_timeout'))
    expect((await service.call('GET', '/v5/sgp/secrets')).json.items.map(({ key }: { readonly key: string }) => key)).toEqual(['a'])
  })
})

describe('connections', () => {
  it('of more than there may be are closed at once', async () => {
    const told: number[] = []
    await using service = await startService({ server: { maxConnections: 1, onDropped: connections => void told.push(connections) } })
    const first = await connected(service.server.port)
    const received = untilClosed(first)
    expect(await exchange(service.server.port, `GET /healthz HTTP/1.1\r\n${HEAD}\r\n`)).toBe('')
    expect(told).toEqual([1])
    await Promise.all(Array.from({ length: 5 }, async () => await exchange(service.server.port, `GET /healthz HTTP/1.1\r\n${HEAD}\r\n`)))
    await expect.poll(() => told.reduce((sum, connections) => sum + connections, 0), POLL).toBe(6)
    first.end(`GET /healthz HTTP/1.1\r\n${HEAD}\r\n`)
    expect(answersIn(await received).map(({ status }) => status)).toEqual([200])
  })

  it('that are idle are kept for as long as is said, and not as long as Node would', { timeout: 20_000 }, async () => {
    await using short = await startService({ server: { times: { keepAliveMs: 100 } } })
    const idle = await connected(short.server.port)
    const received = untilClosed(idle)
    idle.write(`GET /healthz HTTP/1.1\r\n${HEAD}\r\n`)
    expect(answersIn(await received).map(({ headers }) => headers['keep-alive'])).toEqual(['timeout=0'])
    await using service = await startService()
    const [answer] = answersIn(await exchange(service.server.port, `GET /healthz HTTP/1.1\r\n${HEAD}\r\n`))
    expect(answer?.headers['keep-alive']).toBe('timeout=65')
  })
})

describe('a client that takes no answer', () => {
  it('is cut off, also where the answer is a stream, while others are served', { timeout: 20_000 }, async () => {
    const cut = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const endless = (): ReadableStream => new ReadableStream({ pull: controller => controller.enqueue(new Uint8Array(1_000_000)) })
    await using server = await startSecretsServer({
      times: { answerMs: 300 },
      fetch: async ({ url, signal }) => {
        const path = new URL(url).pathname
        if (path === '/small') return new Response('small')
        // Its time begins with its answer: a handler may take longer.
        if (path === '/late') return await new Promise(done => setTimeout(() => done(new Response('late')), 1500))
        signal.addEventListener('abort', () => cut[path === '/stream' ? 0 : 1]?.resolve())
        return new Response(path === '/stream' ? endless() : new Uint8Array(50_000_000))
      },
    })
    for (const path of ['/stream', '/large']) {
      const socket = await connected(server.port)
      socket.pause()
      socket.on('error', () => {})
      socket.write(`GET ${path} HTTP/1.1\r\n${HEAD}\r\n`)
    }
    const late = fetch(`${server.url}/late`)
    expect(await (await fetch(`${server.url}/small`)).text()).toBe('small')
    await Promise.all(cut.map(({ promise }) => promise))
    expect(await (await late).text()).toBe('late')
  })
})

describe('over TLS', () => {
  const times = { headersMs: 500 }

  it('one who never says what TLS needs is let go, and so is who says something else', { timeout: 20_000 }, async () => {
    await using service = await startService({ server: { tls, times } })
    using accepted = accepting()
    const silent = await connected(service.server.port, { allowHalfOpen: true })
    const other = await connected(service.server.port, { allowHalfOpen: true })
    other.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    for (const socket of [silent, other]) socket.resume().on('error', () => {})
    await expect.poll(() => accepted.sockets.map(({ destroyed }) => destroyed), POLL).toEqual([true, true])
    for (const socket of [silent, other]) socket.destroy()
  })

  it('another certificate is for the connections that begin then', async () => {
    await using service = await startService({ server: { tls } })
    const shown = (socket: TLSSocket): string => socket.getPeerCertificate().fingerprint256
    const before = await speakingTls(service.server.port)
    const other = selfSigned()
    service.server.renewTls(other)
    const after = connectTls({ port: service.server.port, host: '127.0.0.1', ca: other.cert, servername: 'localhost' })
    await once(after, 'secureConnect')
    expect(shown(after)).not.toBe(shown(before))
    expect(await answerOn(before, `GET /healthz HTTP/1.1\r\n${HEAD}\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
    expect(() => service.server.renewTls({ cert: 'x', key: 'x' })).toThrow('PEM')
    for (const socket of [before, after]) socket.destroy()
    await using plain = await startService()
    expect(() => plain.server.renewTls(other)).toThrow(TypeError)
  })

  it('a stop waits for a request under way, and for nobody who never says what TLS needs', { timeout: 20_000 }, async () => {
    const { driver, arrived, open } = gated()
    await using service = await startService({ driver, server: { tls } })
    const silent = await connected(service.server.port)
    const idle = await speakingTls(service.server.port)
    const busy = await speakingTls(service.server.port)
    const [silentEnds, idleEnds, answer] = [silent, idle, busy].map(untilClosed)
    busy.write(create('a'))
    await arrived
    const stopping = service.server.stop()
    expect(await Promise.all([silentEnds, idleEnds])).toEqual(['', ''])
    open()
    expect(answersIn((await answer) ?? '').map(({ status }) => status)).toEqual([200])
    await stopping
  })

  it('a stop cuts off what does not end in its time', { timeout: 20_000 }, async () => {
    const { driver, arrived, open } = gated()
    await using service = await startService({ driver, server: { tls } })
    const busy = await speakingTls(service.server.port)
    const ends = untilClosed(busy)
    busy.write(create('a'))
    await arrived
    await service.server.stop({ graceMs: 100 })
    expect(await ends).toBe('')
    open()
  })
})

describe('a client that goes away', () => {
  it('is told to the log: nobody got the answer that is there', { timeout: 20_000 }, async () => {
    const { driver, arrived, open } = gated()
    const events: RequestEvent[] = []
    const refused: RefusedRequest[] = []
    const server = { times: { headersMs: 300, requestMs: 600 }, onRefused: (one: RefusedRequest) => void refused.push(one) }
    await using service = await startService({ driver, onRequest: event => void events.push(event), server })
    const told = (): readonly unknown[] => events.map(({ method, status, aborted }) => [method, status, aborted])
    const gone = await connected(service.server.port)
    gone.write(create('gone'))
    await arrived
    gone.destroy()
    await turns()
    open()
    await expect.poll(told).toEqual([['POST', 200, true]])
    // One who was let go has had another answer.
    const slow = await connected(service.server.port)
    const received = untilClosed(slow)
    slow.write(create('slow').slice(0, -3))
    expect(problemIn(await received)).toEqual(problem(408, 'request_timeout'))
    await expect.poll(told).toContainEqual(['POST', 400, true])
    expect(refused.map(({ status }) => status)).toEqual([408])
    expect((await service.call('GET', '/v5/sgp/secrets')).json.total).toBe(1)
    await expect.poll(told).toContainEqual(['GET', 200, false])
  })

  it('in the middle of its body has created nothing', async () => {
    const unexpected: unknown[] = []
    await using service = await startService({ unsafeOnError: error => unexpected.push(error) })
    const socket = await connected(service.server.port)
    socket.write(create('half').slice(0, -5))
    await turns()
    socket.destroy()
    await turns()
    expect((await service.call('GET', '/v5/sgp/secrets')).json.total).toBe(0)
    expect(unexpected).toEqual([])
  })

  it('in the middle of a create: it completes, in metadata and cloud', async () => {
    const { driver, arrived, open } = gated()
    await using service = await startService({ driver })
    const socket = await connected(service.server.port)
    socket.write(create('left', 'kept'))
    await arrived
    socket.destroy()
    await turns()
    expect((await service.call('GET', '/v5/sgp/secrets')).json.total).toBe(0)
    open()
    await expect.poll(async () => (await service.call('GET', '/v5/sgp/secrets')).json.total).toBe(1)
    const { value } = await service.reader.account(accountId('acme'), ADA).read({ key: 'left' })
    expect(value.revealText()).toBe('kept')
  })

  it('in the middle of a create that the cloud refuses: nothing is left of it', async () => {
    const arrived = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<never>()
    gate.promise.catch(() => {})
    const driver: SecretDriver = {
      ...memoryDriver(),
      create: async () => (arrived.resolve(), await gate.promise),
      classify: () => ({ code: 'permission_denied', retryable: false, effect: 'none' }),
    }
    await using service = await startService({ driver })
    const socket = await connected(service.server.port)
    socket.write(create('left'))
    await arrived.promise
    socket.destroy()
    gate.reject(new Error('refused'))
    await expect.poll(async () => (await service.registry.maintain()).backlog).toBe(0)
    expect((await service.call('GET', '/v5/sgp/secrets')).json.total).toBe(0)
    expect(await Array.fromAsync(service.registry.pending())).toEqual([])
  })
})

describe('a stop', () => {
  it('finishes what is under way, takes nothing new, and lets idle connections go', async () => {
    const { driver, arrived, open } = gated()
    await using service = await startService({ driver })
    const idle = await connected(service.server.port)
    const idleEnds = untilClosed(idle)
    const busy = service.call('POST', '/v5/sgp/secrets', { key: 'a', value: 'v' })
    await arrived
    let stopped = false
    const stopping = service.server.stop().then(() => void (stopped = true))
    await idleEnds
    await expect(connected(service.server.port)).rejects.toThrow('ECONNREFUSED')
    expect(stopped).toBe(false)
    open()
    expect((await busy).status).toBe(200)
    await stopping
  })

  it('tells who keeps a connection that it ends with the last answer on it', async () => {
    const { driver, arrived, open } = gated()
    await using service = await startService({ driver })
    const keeping = await connected(service.server.port)
    const received = untilClosed(keeping)
    keeping.write(create('a'))
    await arrived
    const idle = await connected(service.server.port)
    const stopping = service.server.stop()
    await untilClosed(idle)
    // Sent before the answer could say that it is the last.
    keeping.write(`GET /healthz HTTP/1.1\r\n${HEAD}\r\n`)
    await turns()
    open()
    const answers = answersIn(await received).map(({ status, headers }) => [status, headers['connection']])
    expect(answers).toEqual([
      [200, 'keep-alive'],
      [200, 'close'],
    ])
    await stopping
  })

  it.each([
    ['has come', 0],
    ['has come on a connection that was kept', 1],
  ])('answers a request that %s and has not been read yet', async (_, before) => {
    await using service = await startService()
    const socket = await connected(service.server.port)
    const request = `GET /healthz HTTP/1.1\r\n${HEAD}\r\n`
    for (let asked = 0; asked < before; asked += 1) await answerOn(socket, request)
    const received = untilClosed(socket)
    // It is in the server's socket at once, and the server has no turn before it is told to stop.
    socket.write(request)
    const stopping = service.server.stop()
    expect(answersIn(await received).map(({ status, headers }) => [status, headers['connection']])).toEqual([[200, 'close']])
    await stopping
  })

  it('cuts off what does not end in its time', async () => {
    const { driver, arrived, open } = gated()
    await using service = await startService({ driver })
    const busy = service.call('POST', '/v5/sgp/secrets', { key: 'a', value: 'v' }).catch((error: unknown) => error)
    await arrived
    await service.server.stop({ graceMs: 100 })
    expect(await busy).toBeInstanceOf(TypeError)
    open()
  })
})
