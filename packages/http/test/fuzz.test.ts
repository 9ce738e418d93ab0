import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answersIn, exchange } from './support/raw.ts'
import { KEY, startService, type Service } from './support/service.ts'

// Any bytes on any route: an answer of the API, or a problem of the 4xx; never a 5xx, a stack, or a value.

const SEED = 20_261_129
const MARK = 'mark-8c1f2d'
const MARK_BASE64 = Buffer.from(MARK).toString('base64')
const WITHIN_MS = 240_000

let service: Service
let unexpected: unknown[]
let id = ''
beforeAll(async () => {
  unexpected = []
  service = await startService({
    withReader: true,
    maxBodyBytes: 4096,
    unsafeOnError: error => unexpected.push(error),
    server: { times: { headersMs: 3000, requestMs: 5000 } },
  })
  id = (await service.call('POST', '/v5/sgp/secrets', { key: 'there', value: 'x' })).json.id
})
afterAll(async () => await service[Symbol.asyncDispose]())

/** Mulberry32: the same bytes at each run. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

type Random = (below: number) => number
const oneOf = <T>(random: Random, all: readonly T[]): T => all[random(all.length)] as T
const noise = (random: Random, length: number): Buffer => Buffer.from(Array.from({ length }, () => random(256)))

const BODIES = () => [
  `{"key":"k-${MARK}","value":"${MARK}"}`,
  `{"key":"k","value":"${MARK}","description":"d"}`,
  `{"key":"k","value_base64":"${MARK_BASE64}"}`,
  `{"value":"${MARK}"}`,
  `{"description":null}`,
]
const targets = (): readonly (readonly [string, string])[] => [
  ['POST', '/v5/sgp/secrets'],
  ['GET', '/v5/sgp/secrets?limit=10&sort_by=key&sort_order=asc'],
  ['GET', `/v5/sgp/secrets?starting_after=${id}`],
  ['GET', `/v5/sgp/secrets/${id}`],
  ['PATCH', `/v5/sgp/secrets/${id}`],
  ['DELETE', `/v5/sgp/secrets/${MARK}`],
  ['GET', `/v5/sgp/secrets/${MARK}/value`],
  ['GET', '/healthz'],
  ['GET', '/readyz'],
  ['GET', '/openapi.json'],
]

function request([method, target]: readonly [string, string], body: Uint8Array | undefined, more: readonly string[] = []): Buffer {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'Host: 127.0.0.1',
    `X-Api-Key: ${KEY}`,
    'X-Selected-Account-Id: acme',
    ...(body === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${body.byteLength}`]),
    ...more,
    'Connection: close',
    '',
    '',
  ]
  return Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), body ?? Buffer.alloc(0)])
}

/** Some bytes changed, taken out, doubled or put in. */
function mutated(random: Random, bytes: Buffer): Buffer {
  let all = bytes
  for (let times = 1 + random(6); times > 0; times -= 1) {
    const at = random(all.length)
    const [before, after] = [all.subarray(0, at), all.subarray(at)]
    const length = 1 + random(8)
    all = Buffer.concat(
      oneOf(random, [
        [before, noise(random, length), after.subarray(length)],
        [before, after.subarray(length)],
        [before, noise(random, length), after],
        [before, after.subarray(0, length), after],
        [before, Buffer.from(oneOf(random, ['\r\n', '\0', '%', '"', '\\u0000', '{', ']', 'é', '/../', '//', '?', '#', ' '])), after],
      ]),
    )
  }
  return all
}

function expectGood(text: string, sent: Buffer): void {
  const about = `${JSON.stringify(sent.toString('latin1').slice(0, 600))}\n→ ${text.slice(0, 800)}`
  for (const { status, headers, body } of answersIn(text)) {
    expect(status, about).toBeLessThan(500)
    if (status >= 400) {
      expect(headers['content-type'], about).toBe('application/problem+json')
      // A HEAD has the headers alone.
      if (body !== '' && !sent.toString('latin1').startsWith('HEAD'))
        expect(JSON.parse(body), about).toMatchObject({ status, code: expect.any(String) })
    }
    // A key and a description are shown; a value is not.
    expect(body.replaceAll(`k-${MARK}`, ''), about).not.toContain(MARK)
    expect(body, about).not.toContain(MARK_BASE64)
    expect(body, about).not.toMatch(/\bat .+:\d+:\d+|node:|\/src\/|\/node_modules\//)
  }
}

async function run(seed: number, count: number, make: (random: Random) => Buffer): Promise<ReadonlyMap<number, number>> {
  const random = randomOf(seed)
  const statuses = new Map<number, number>()
  for (let done = 0; done < count;) {
    const batch = Array.from({ length: Math.min(20, count - done) }, () => make(random))
    const answers = await Promise.all(batch.map(async bytes => await exchange(service.server.port, bytes)))
    for (const [index, bytes] of batch.entries()) {
      const text = answers[index] ?? ''
      expectGood(text, bytes)
      for (const { status } of answersIn(text)) statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    done += batch.length
  }
  expect(unexpected).toEqual([])
  expect((await service.call('GET', '/healthz')).status).toBe(200)
  return statuses
}

describe('bytes', () => {
  it('of whole requests, mutated anywhere', { timeout: WITHIN_MS }, async () => {
    const statuses = await run(SEED, 3000, random => {
      const target = oneOf(random, targets())
      const hasBody = target[0] === 'POST' || target[0] === 'PATCH'
      return mutated(random, request(target, hasBody ? Buffer.from(oneOf(random, BODIES())) : undefined))
    })
    for (const status of [200, 400, 401, 404, 422]) expect(statuses.get(status) ?? 0, String(status)).toBeGreaterThan(0)
  })

  it('of bodies, mutated or made up, in a request that is right', { timeout: WITHIN_MS }, async () => {
    const statuses = await run(SEED + 1, 2000, random => {
      const target = oneOf(
        random,
        targets().filter(([method]) => method === 'POST' || method === 'PATCH'),
      )
      const body = random(4) === 0 ? noise(random, random(300)) : mutated(random, Buffer.from(oneOf(random, BODIES())))
      return request(target, body)
    })
    for (const status of [400, 422]) expect(statuses.get(status) ?? 0, String(status)).toBeGreaterThan(0)
  })

  it('of paths, queries and header fields', { timeout: WITHIN_MS }, async () => {
    const encoded = (random: Random): string => [...noise(random, 1 + random(12))].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join('')
    const odd = (random: Random): string =>
      oneOf(random, [encoded(random), MARK, '%zz', '..', '.', '%2e%2e', 'null', '[]', '*', 'x'.repeat(random(3000))])
    const value = (random: Random): string =>
      noise(random, 1 + random(20))
        .toString('latin1')
        .replaceAll(/[\0-\x1f\x7f]/g, '~')
    await run(SEED + 2, 2000, random => {
      const [method] = oneOf(random, targets())
      const path = oneOf(random, [`/${odd(random)}`, `/v5/sgp/secrets/${odd(random)}`, `/v5/sgp/secrets/${odd(random)}/value`, '/v5/sgp/secrets'])
      const names = ['limit', 'starting_after', 'ending_before', 'sort_by', 'sort_order', odd(random)]
      const query = random(2) === 0 ? '' : `?${Array.from({ length: 1 + random(4) }, () => `${oneOf(random, names)}=${odd(random)}`).join('&')}`
      const fields = [
        'If-Match',
        'Idempotency-Key',
        'Accept',
        'X-Request-Id',
        'Traceparent',
        'Authorization',
        'Cookie',
        'Range',
        'If-None-Match',
        'Upgrade',
        'Content-Encoding',
      ]
      const more = Array.from({ length: random(4) }, () => `${oneOf(random, fields)}: ${value(random)}`)
      const hasBody = method === 'POST' || method === 'PATCH'
      return request([method, path + query], hasBody ? Buffer.from(oneOf(random, BODIES())) : undefined, more)
    })
  })

  it('that are nothing at all', { timeout: WITHIN_MS }, async () => {
    const statuses = await run(SEED + 3, 500, random => noise(random, 1 + random(400)))
    expect([...statuses.keys()]).toEqual([400])
  })

  it('a server that answers with a stack is found', () => {
    const problem = (body: string): string =>
      `HTTP/1.1 400 Bad\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    const good = JSON.stringify({ status: 400, code: 'x' })
    expectGood(problem(good), Buffer.from('x'))
    for (const bad of [
      problem(JSON.stringify({ status: 400, code: 'x', detail: 'Error\n    at handler (/app/src/a.ts:1:2)' })),
      problem(JSON.stringify({ status: 400, code: 'x', detail: MARK })),
      problem(good).replace(' 400 ', ' 500 '),
      problem(good).replace('problem+json', 'json'),
    ]) {
      expect(() => expectGood(bad, Buffer.from('x'))).toThrow()
    }
  })
})
