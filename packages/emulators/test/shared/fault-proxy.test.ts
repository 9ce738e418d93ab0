import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { generate } from 'selfsigned'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startFaultProxy, type FaultProxy, type FaultProxyOptions } from '../../src/index.ts'

const ANSWER = JSON.stringify({ text: 'as long as it has to be'.repeat(20) })

/** A plain server that notes what it applied. */
let upstream: Server
let applied: string[]
const open: FaultProxy[] = []

const noting = (server: Server): Server =>
  server.on('request', (incoming, outgoing) => {
    let body = ''
    incoming.setEncoding('utf8').on('data', (part: string) => (body += part))
    incoming.on('end', () => {
      applied.push(`${incoming.method} ${incoming.url} ${String(incoming.headers['x-tag'])} ${body}`)
      outgoing.writeHead(201, { 'content-type': 'application/json', 'x-from': 'upstream' }).end(ANSWER)
    })
  })
const portOf = (server: Server): number => (server.address() as AddressInfo).port

beforeEach(async () => {
  applied = []
  upstream = noting(createServer()).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(proxy => proxy.stop()))
  upstream.closeAllConnections()
  upstream.close()
})

const started = async (options?: FaultProxyOptions): Promise<FaultProxy> => {
  const proxy = await startFaultProxy(`http://127.0.0.1:${portOf(upstream)}`, options)
  open.push(proxy)
  return proxy
}
const post = (proxy: FaultProxy, path = '/things?a=1', signal?: AbortSignal): Promise<Response> =>
  fetch(`${proxy.url}${path}`, { method: 'POST', body: 'the body', headers: { 'x-tag': 'tag' }, ...(signal === undefined ? {} : { signal }) })
const APPLIED = 'POST /things?a=1 tag the body'

describe('a request that is held', () => {
  test('lands when it is let go, though its sender has gone away', async () => {
    const proxy = await started()
    const { promise: released, resolve: letGo } = Promise.withResolvers<void>()
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    proxy.inject({ kind: 'hold', applied: false, release: () => (reach(), released) })
    const sender = new AbortController()
    const sent = post(proxy, undefined, sender.signal)
    await reached
    sender.abort()
    await expect(sent).rejects.toThrow()
    expect(applied).toEqual([])
    letGo()
    await expect.poll(() => applied).toEqual([APPLIED])
  })

  test('has had its effect already, where it is held after it', async () => {
    const proxy = await started()
    const { promise: released, resolve: letGo } = Promise.withResolvers<void>()
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    proxy.inject({ kind: 'hold', applied: true, release: () => (reach(), released) })
    const sent = post(proxy)
    await reached
    expect(applied).toEqual([APPLIED])
    letGo()
    expect((await sent).status).toBe(201)
  })
})

describe('without a fault', () => {
  test('a request and its answer pass as they are', async () => {
    const proxy = await started()
    const answer = await post(proxy)
    expect([answer.status, answer.headers.get('x-from'), await answer.text()]).toEqual([201, 'upstream', ANSWER])
    expect([applied, proxy.requests()]).toEqual([[APPLIED], 1])
  })

  test('an upstream with a certificate of its own is asked by TLS', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    })
    const secure = noting(createSecureServer({ key, cert })).listen(0, '127.0.0.1')
    await once(secure, 'listening')
    const proxy = await startFaultProxy(`https://127.0.0.1:${portOf(secure)}`, { ca: cert })
    open.push(proxy)
    expect((await post(proxy)).status).toBe(201)
    expect(applied).toEqual([APPLIED])
    secure.closeAllConnections()
    secure.close()
  })

  test('an upstream that is gone ends the connection', async () => {
    const proxy = await started()
    upstream.close()
    await expect(post(proxy)).rejects.toThrow('fetch failed')
  })
})

describe('each fault', () => {
  test('throttle and fail answer in the backend’s words, and nothing is applied', async () => {
    const proxy = await started({
      throttled: retryAfterMs => ({ status: 429, headers: { 'retry-after': String(retryAfterMs) }, body: 'slowly' }),
      failed: code => ({ status: 500, body: code }),
    })
    proxy.inject({ kind: 'throttle', retryAfterMs: 7 })
    proxy.inject({ kind: 'fail', code: 'internal' })
    const [throttled, failed] = [await post(proxy), await post(proxy)]
    expect([throttled.status, throttled.headers.get('retry-after'), await throttled.text()]).toEqual([429, '7', 'slowly'])
    expect([failed.status, await failed.text()]).toEqual([500, 'internal'])
    expect([applied, proxy.requests()]).toEqual([[], 2])
  })

  test.each([{ kind: 'throttle' }, { kind: 'fail', code: 'internal' }] as const)('%o without the words for it is refused at once', async fault => {
    const proxy = await started()
    expect(() => proxy.inject(fault)).toThrow(TypeError)
    expect((await post(proxy)).status).toBe(201)
  })

  test('answer is what it says, HTML unless it says so', async () => {
    const proxy = await started()
    proxy.inject({ kind: 'answer', status: 502, body: '<html></html>' })
    proxy.inject({ kind: 'answer', status: 503, body: '{}', headers: { 'content-type': 'application/json' } })
    const [page, json] = [await post(proxy), await post(proxy)]
    expect([page.status, page.headers.get('content-type'), await page.text()]).toEqual([502, 'text/html', '<html></html>'])
    expect([json.status, json.headers.get('content-type'), await json.text()]).toEqual([503, 'application/json', '{}'])
    expect(applied).toEqual([])
  })

  test('reset ends the connection before anything is applied', async () => {
    const proxy = await started()
    proxy.inject({ kind: 'reset' })
    await expect(post(proxy)).rejects.toThrow('fetch failed')
    expect([applied, proxy.requests()]).toEqual([[], 1])
  })

  test('stall takes the request and never answers', async () => {
    const proxy = await started()
    proxy.inject({ kind: 'stall' })
    const abort = new AbortController()
    const stalled = post(proxy, '/things', abort.signal)
    while (proxy.requests() === 0) await new Promise(resolve => setImmediate(resolve))
    abort.abort()
    await expect(stalled).rejects.toThrow('aborted')
    expect((await post(proxy)).status).toBe(201)
    expect(applied).toEqual([APPLIED])
  })

  test('lose ends the connection after it was applied', async () => {
    const proxy = await started()
    proxy.inject({ kind: 'lose' })
    await expect(post(proxy)).rejects.toThrow('fetch failed')
    expect(applied).toEqual([APPLIED])
  })

  test('cut sends the head and half of the body', async () => {
    const proxy = await started()
    proxy.inject({ kind: 'cut' })
    const answer = await post(proxy)
    expect([answer.status, answer.headers.get('content-length')]).toEqual([201, String(ANSWER.length)])
    let got = ''
    const read = async (): Promise<void> => {
      for await (const part of answer.body ?? []) got += new TextDecoder().decode(part as Uint8Array)
    }
    await expect(read()).rejects.toThrow('terminated')
    expect([got, applied]).toEqual([ANSWER.slice(0, Math.floor(ANSWER.length / 2)), [APPLIED]])
  })

  test('slow sends all of it, in pieces', async () => {
    const proxy = await started()
    proxy.inject({ kind: 'slow', gapMs: 5 })
    const answer = await post(proxy)
    const parts: string[] = []
    for await (const part of answer.body ?? []) parts.push(new TextDecoder().decode(part as Uint8Array))
    expect([parts.join(''), applied]).toEqual([ANSWER, [APPLIED]])
    expect(parts.length).toBeGreaterThan(1)
  })

  test('delay answers in full', async () => {
    const proxy = await started()
    proxy.inject({ kind: 'delay', ms: 5 })
    expect([await (await post(proxy)).text(), applied]).toEqual([ANSWER, [APPLIED]])
  })
})

describe('who meets a fault', () => {
  test('by default a request is its method and path', async () => {
    const proxy = await started()
    proxy.inject({ kind: 'reset' }, { operations: ['POST /others'] })
    expect((await post(proxy)).status).toBe(201)
    await expect(post(proxy, '/others?x=y')).rejects.toThrow('fetch failed')
    expect((await post(proxy, '/others')).status).toBe(201)
  })

  test('or what it is called', async () => {
    const proxy = await started({ operationOf: ({ headers }) => String(headers['x-tag']) })
    proxy.inject({ kind: 'answer', status: 418, body: '' }, { operations: ['tag'], count: 2 })
    expect([(await post(proxy)).status, (await fetch(proxy.url)).status, (await post(proxy)).status]).toEqual([418, 201, 418])
  })

  test('clearFaults forgets those that wait', async () => {
    const proxy = await started()
    proxy.inject({ kind: 'reset' }, { count: 3 })
    proxy.clearFaults()
    expect((await post(proxy)).status).toBe(201)
  })

  test('answerWith comes before any fault, and ends', async () => {
    const proxy = await started()
    proxy.inject({ kind: 'answer', status: 502, body: '' })
    proxy.answerWith(operation => (operation === 'POST /things' ? { status: 403, body: 'no' } : undefined))
    expect([(await post(proxy)).status, (await post(proxy)).status, (await post(proxy, '/others')).status]).toEqual([403, 403, 502])
    proxy.answerWith(undefined)
    expect((await post(proxy)).status).toBe(201)
    expect([applied, proxy.requests()]).toEqual([[APPLIED], 4])
  })
})

test('stop ends what is under way, and may be called twice', async () => {
  const proxy = await started()
  proxy.inject({ kind: 'stall' })
  const stalled = expect(post(proxy)).rejects.toThrow('fetch failed')
  while (proxy.requests() === 0) await new Promise(resolve => setImmediate(resolve))
  await proxy.stop()
  await stalled
  await proxy.stop()
  await expect(post(proxy)).rejects.toThrow('fetch failed')
})
