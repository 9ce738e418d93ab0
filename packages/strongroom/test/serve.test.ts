import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createHash, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { get } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const KEY = 'the-key-of-ada'
const VALUE = 'the-value'
const KEYS = `  apiKeys: [{ sha256: ${createHash('sha256').update(KEY).digest('hex')}, identity: { id: ada, type: user }, accounts: [acme] }]`
const BASE = `stores: { main: { type: local, path: ./store } }
metadata: { type: sqlite, path: ./meta.db }
authorization: [{ actors: [ada, anonymous], accounts: ['*'], actions: ['*'] }]
requestKeys: [{ env: REQUEST_KEY }]
`
const environment = { PATH: process.env['PATH'] ?? '', REQUEST_KEY: Buffer.alloc(32, 7).toString('base64') }

let folder = ''
let running: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strongroom-serve-'))
  running = []
})
afterEach(async () => {
  for (const child of running) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  rmSync(folder, { recursive: true })
})

const launch = (config: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): ChildProcess => {
  writeFileSync(join(folder, 'strongroom.yaml'), BASE + config)
  const all = ['--conditions=@strongroom/source', main, 'serve', '--port', '0', ...args]
  const child = spawn(process.execPath, all, { cwd: folder, env: { ...environment, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  running.push(child)
  return child
}

interface Served {
  readonly child: ChildProcess
  readonly url: string
  readonly lines: readonly Record<string, unknown>[]
  readonly ended: Promise<number | null>
  errors(): string
}

async function served(config: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Served> {
  const child = launch(config, args, env)
  if (child.stdout === null || child.stderr === null) throw new Error('no pipes')
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => void (errors += chunk.toString()))
  const lines: Record<string, unknown>[] = []
  const reader = createInterface({ input: child.stdout })
  const started = new Promise<string>((done, fail) => {
    reader.on('line', line => {
      const event = JSON.parse(line) as Record<string, unknown>
      lines.push(event)
      if (event['event'] === 'listening') done(String(event['url']))
    })
    child.once('exit', code => fail(new Error(`it ended with ${code}: ${errors}`)))
  })
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  return { child, url: await started, lines, ended, errors: () => errors }
}

async function refusal(config: string, args: readonly string[] = []): Promise<{ readonly code: number | null; readonly message: string }> {
  const child = launch(config, args)
  if (child.stderr === null) throw new Error('no pipe')
  const [message, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number | null]>])
  return { code, message }
}

const headers = { 'x-api-key': KEY, 'x-selected-account-id': 'acme' }
const create = async (url: string, key: string, more: Readonly<Record<string, string>> = {}): Promise<Response> =>
  await fetch(`${url}/v5/sgp/secrets`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', ...more },
    body: JSON.stringify({ key, value: VALUE }),
  })

function makeCertificate(cert: string, key: string): void {
  const made = ['-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert]
  execFileSync('openssl', ['req', '-x509', ...kind, ...made], { cwd: folder, stdio: 'ignore' })
}

describe('strongroom serve', () => {
  it('prints its URL, serves, logs no query and no body, and stops when it is told to', async () => {
    const { child, url, lines, ended, errors } = await served(`http:\n${KEYS}\n`)
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(errors()).toContain(`listening on ${url}`)
    const { id } = (await (await create(url, 'stripe-key', { 'idempotency-key': 'a', 'x-request-id': 'request-7' })).json()) as {
      readonly id: string
    }
    expect((await fetch(`${url}/v5/sgp/secrets/${id}?password=${VALUE}`, { headers })).status).toBe(200)
    expect((await fetch(`${url}/v5/sgp/secrets`)).status).toBe(401)
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ready', checks: { database: 'ok', store: 'ok' } })
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    const requests = lines.filter(({ event }) => event === 'request')
    expect(requests).toMatchObject([
      { method: 'POST', route: '/v5/sgp/secrets', status: 200, request_id: 'request-7', account: 'acme', actor: 'ada', secret: id },
      { method: 'GET', route: '/v5/sgp/secrets/{secret_id}', status: 200, secret: id },
      { method: 'GET', route: '/v5/sgp/secrets', status: 401, code: 'unauthenticated' },
      { route: '/readyz', status: 200 },
    ])
    expect(lines.at(-1)).toMatchObject({ event: 'stopped' })
    for (const hidden of [VALUE, KEY, 'password']) expect(JSON.stringify(lines) + errors()).not.toContain(hidden)
  })

  it('finishes what is under way when it is told to stop, and what was created is there for the next', async () => {
    const first = await served(`http:\n${KEYS}\n`)
    const body = JSON.stringify({ key: 'in-flight', value: VALUE })
    const socket = connect(Number(new URL(first.url).port), '127.0.0.1')
    const head = Object.entries({ host: 'localhost', ...headers, 'content-type': 'application/json', 'content-length': String(body.length) })
    socket.write(`POST /v5/sgp/secrets HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body.slice(0, 10)}`)
    // The request is known to the server once another, sent later, has been answered.
    expect((await fetch(`${first.url}/healthz`)).status).toBe(200)
    first.child.kill('SIGTERM')
    await expect.poll(() => first.errors()).toContain('stopping')
    const answer = text(socket)
    socket.write(body.slice(10))
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(await first.ended).toBe(0)
    const second = await served(`http:\n${KEYS}\n`)
    const { items } = (await (await fetch(`${second.url}/v5/sgp/secrets`, { headers })).json()) as {
      readonly items: readonly { readonly key: string }[]
    }
    expect(items.map(({ key }) => key)).toEqual(['in-flight'])
  })

  it('works on what a killed server has left: nothing is half', async () => {
    const first = await served(`policy: { deadlineMs: 500, leaseMs: 1100 }\nhttp:\n${KEYS}\n`)
    const creating = Array.from({ length: 20 }, async (_, n) => await create(first.url, `key-${n}`).catch(() => undefined))
    first.child.kill('SIGKILL')
    const acknowledged = (await Promise.all(creating)).flatMap((answer, n) => (answer?.status === 200 ? [`key-${n}`] : []))
    await first.ended
    const second = await served(`policy: { deadlineMs: 500, leaseMs: 1100 }\nhttp:\n  readValues: true\n${KEYS}\n`)
    const page = async (): Promise<readonly { readonly id: string; readonly key: string }[]> =>
      (
        (await (await fetch(`${second.url}/v5/sgp/secrets`, { headers })).json()) as {
          readonly items: readonly { readonly id: string; readonly key: string }[]
        }
      ).items
    const items = await page()
    expect(items.map(({ key }) => key)).toEqual(expect.arrayContaining(acknowledged))
    for (const { id } of items) {
      expect(await (await fetch(`${second.url}/v5/sgp/secrets/${id}/value`, { headers })).json()).toMatchObject({ value: VALUE })
    }
  })

  it('has TLS by files', async () => {
    makeCertificate('cert.pem', 'key.pem')
    const { url } = await served(`http:\n${KEYS}\n  tls: { cert: { file: cert.pem }, key: { file: key.pem } }\n`)
    expect(url).toMatch(/^https:/)
    const status = await new Promise<number | undefined>((done, fail) => {
      get(`${url}/v5/sgp/secrets`, { headers, ca: readFileSync(join(folder, 'cert.pem')) }, response => {
        response.resume()
        done(response.statusCode)
      }).once('error', fail)
    })
    expect(status).toBe(200)
    await expect(fetch(`${url.replace('https', 'http')}/healthz`)).rejects.toThrow('fetch failed')
  })

  it('keeps its limits', async () => {
    const { url } = await served(
      `http:\n${KEYS}\n  limits: { bodyBytes: 40, headersMs: 300, requestMs: 600 }\n  rateLimit: { requests: 2, perSeconds: 60 }\n`,
    )
    expect((await create(url, 'a-key-that-makes-the-body-too-large')).status).toBe(413)
    expect((await create(url, 'a')).status).toBe(200)
    const limited = await create(url, 'b')
    expect([limited.status, Number(limited.headers.get('retry-after')) >= 1]).toEqual([429, true])
    const slow = connect(Number(new URL(url).port), '127.0.0.1')
    slow.write('GET /healthz HTTP/1.1\r\n')
    expect(await text(slow)).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('lets everyone in only where the ugly option says so, and only on the loopback', async () => {
    expect(await refusal('')).toEqual({
      code: 3,
      message: expect.stringContaining('http: found nobody who may come in; allowed: apiKeys, or jwt, or both'),
    })
    expect(await refusal('', ['--unsafe-no-authentication', '--host', '0.0.0.0'])).toEqual({
      code: 2,
      message: expect.stringContaining('is for the loopback'),
    })
    expect(await refusal(`http:\n${KEYS}\n`, ['--unsafe-no-authentication'])).toMatchObject({ code: 2 })
    const { url, errors } = await served('', ['--unsafe-no-authentication'])
    expect(errors()).toContain('warning: everyone on this machine is let in')
    expect((await fetch(`${url}/v5/sgp/secrets`, { headers: { 'x-selected-account-id': 'acme' } })).status).toBe(200)
    // A page elsewhere whose name leads here.
    const rebound = connect(Number(new URL(url).port), '127.0.0.1')
    rebound.write('GET /v5/sgp/secrets HTTP/1.1\r\nHost: evil.example.com\r\nX-Selected-Account-Id: acme\r\nConnection: close\r\n\r\n')
    expect(await text(rebound)).toMatch(/^HTTP\/1\.1 401 /)
  })

  it('takes no key of an empty text, whose digest a variable that is not set has', async () => {
    const { code, message } = await refusal(`http:\n${KEYS.replace(/sha256: \w+/, `sha256: ${createHash('sha256').digest('hex')}`)}\n`)
    expect([code, message]).toEqual([3, expect.stringContaining('| sha256sum, where KEY is set')])
  })

  it('says what is wrong in one line', async () => {
    const { url } = await served(`http:\n${KEYS}\n`)
    const port = new URL(url).port
    const taken = await refusal(`http:\n${KEYS}\n`, ['--port', port])
    expect([taken.code, taken.message]).toEqual([2, `strongroom: port ${port} of 127.0.0.1 is taken; --port is another, or 0 for any that is free\n`])
    const elsewhere = await refusal(`http:\n${KEYS}\n`, ['--host', 'http://127.0.0.1'])
    expect([elsewhere.code, elsewhere.message]).toEqual([
      2,
      'strongroom: --host is an address or a name of this machine, as 127.0.0.1, or 0.0.0.0 or :: for all of its addresses; http://127.0.0.1 is none\n',
    ])
  })

  it('says what is wrong with certificate and key', async () => {
    makeCertificate('cert.pem', 'key.pem')
    makeCertificate('other.pem', 'other-key.pem')
    const tls = await refusal(`http:\n${KEYS}\n  tls: { cert: { file: cert.pem }, key: { file: other-key.pem } }\n`)
    expect([tls.code, tls.message]).toEqual([
      3,
      'strongroom: strongroom.yaml: http.tls: found a certificate and the key of another; allowed: a certificate and its key; of a chain the server’s own comes first\n',
    ])
  })

  it('takes an address as it stands in a URL', async () => {
    const { url } = await served(`http:\n${KEYS}\n`, ['--host', '[::1]'])
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('takes a new certificate at SIGHUP; of one that cannot be used it tells, and goes on with what it has', async () => {
    makeCertificate('cert.pem', 'key.pem')
    const { child, url, lines, errors, ended } = await served(`http:\n${KEYS}\n  tls: { cert: { file: cert.pem }, key: { file: key.pem } }\n`)
    const shown = async (): Promise<string | undefined> => {
      const socket = connectTls({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      const { fingerprint256 } = socket.getPeerCertificate()
      socket.destroy()
      return fingerprint256
    }
    const before = await shown()
    makeCertificate('cert.pem', 'other-key.pem')
    child.kill('SIGHUP')
    await expect.poll(() => lines.at(-1)).toMatchObject({ event: 'tls_not_renewed', kind: 'ConfigError' })
    expect(errors()).toContain('http.tls: found a certificate and the key of another')
    expect(await shown()).toBe(before)
    renameSync(join(folder, 'other-key.pem'), join(folder, 'key.pem'))
    child.kill('SIGHUP')
    await expect.poll(() => lines.at(-1)).toMatchObject({ event: 'tls_renewed' })
    expect(await shown()).toBe(new X509Certificate(readFileSync(join(folder, 'cert.pem'))).fingerprint256)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  it('finishes what is under way when its terminal goes away', async () => {
    const { child, lines, ended } = await served(`http:\n${KEYS}\n`)
    child.kill('SIGHUP')
    expect(await ended).toBe(0)
    expect(lines.at(-1)).toMatchObject({ event: 'stopped' })
  })

  it('ends though nobody reads its log', async () => {
    const child = launch(`http:\n${KEYS}\n`)
    let errors = ''
    child.stderr?.on('data', (chunk: Buffer) => void (errors += chunk.toString()))
    await expect.poll(() => errors, { timeout: 20_000 }).toContain('listening on')
    const [, port] = /listening on http:\S+:(\d+)/.exec(errors) ?? []
    const socket = connect(Number(port), '127.0.0.1')
    const request = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
    let answered = 0
    socket.on('data', (chunk: Buffer) => void (answered += chunk.toString().split('HTTP/1.1 200').length - 1))
    // More lines than a pipe holds.
    socket.write(request.repeat(5000))
    await expect.poll(() => answered, { timeout: 20_000 }).toBeGreaterThan(4900)
    child.kill('SIGTERM')
    await once(child, 'exit')
    expect(child.exitCode).toBe(0)
  })

  it('goes on when the reader of its log has gone away', async () => {
    const { child, url, ended } = await served(`http:\n${KEYS}\n`)
    child.stdout?.destroy()
    child.stderr?.destroy()
    for (let n = 0; n < 3; n += 1) expect((await create(url, `key-${n}`)).status).toBe(200)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  it('listens nowhere without an address', async () => {
    expect(await refusal(`http:\n${KEYS}\n`, ['--host', ''])).toEqual({ code: 2, message: expect.stringContaining('--host is an address') })
  })

  it('logs what is wrong behind an answer, and no path that a client made up', async () => {
    const jwt = `  jwt: { jwks: 'http://127.0.0.1:1/keys', issuer: i, audience: a }`
    const { url, lines } = await served(`http:\n${KEYS}\n${jwt}\n`)
    const token = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.AAAA`
    const away = await fetch(`${url}/v5/sgp/secrets`, { headers: { authorization: `Bearer ${token}`, 'x-selected-account-id': 'acme' } })
    expect(away.status).toBe(503)
    expect((await fetch(`${url}/v5/sgp/secrets/hunter2-my-password`, { headers })).status).toBe(404)
    const rude = connect(Number(new URL(url).port), '127.0.0.1')
    rude.write('this is no HTTP\r\n\r\n')
    const [, rudeId] = /x-request-id: (\S+)/.exec(await text(rude)) ?? []
    // The secrets' folder becomes a file.
    rmSync(join(folder, 'store'), { recursive: true, force: true })
    writeFileSync(join(folder, 'store'), '')
    const broken = await create(url, 'a')
    expect(broken.status).toBeGreaterThanOrEqual(500)
    await expect
      .poll(() => lines.filter(({ event }) => event === 'request'))
      .toMatchObject([
        { status: 503, address: '127.0.0.1', trouble: { operation: 'authenticate' } },
        { status: 404, route: '/v5/sgp/secrets/{secret_id}' },
        { status: 400, code: 'malformed_request', address: '127.0.0.1', request_id: rudeId },
        { status: broken.status, trouble: { kind: expect.stringMatching(/./), operation: 'registry.create', store: 'main' } },
      ])
    expect(JSON.stringify(lines)).not.toContain('hunter2')
  })

  it('does the upkeep of its registry', async () => {
    const first = await served(`http:\n${KEYS}\n`)
    await create(first.url, 'a')
    first.child.kill('SIGTERM')
    await first.ended
    const database = new DatabaseSync(join(folder, 'meta.db'))
    try {
      const { store, path } = database.prepare('SELECT store, path FROM records').get() as { readonly store: string; readonly path: string }
      database
        .prepare(
          `INSERT INTO queue (registry, id, task, account, secret, store, path, version, token, attempts, queued_at, claim, ready_at, code, retained_until, copy)
           SELECT registry, 'left-behind', 'destroy_version', account, id, :store, :path, 'gone', NULL, 0, 0, NULL, 0, NULL, NULL, NULL FROM records`,
        )
        .run({ store, path })
      await served(`http:\n${KEYS}\n`)
      await expect.poll(() => database.prepare('SELECT count(*) AS left FROM queue').get()).toEqual({ left: 0 })
    } finally {
      database.close()
    }
  })

  it('shows its page for people where it is told to', async () => {
    const { url } = await served(`http:\n  docs: true\n${KEYS}\n`)
    expect(await (await fetch(`${url}/docs`)).text()).toContain('swagger-ui')
    const without = await served(`http:\n${KEYS}\n`)
    expect((await fetch(`${without.url}/docs`)).status).toBe(404)
  })

  it("lets the holder of an issuer's token in", async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const keys = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'RS256', kid: 'k' }] })
    const issuer = createServer((_, answer) => answer.end(keys)).listen(0, '127.0.0.1')
    await once(issuer, 'listening')
    try {
      const { port } = issuer.address() as AddressInfo
      const { url } = await served(`http:\n  jwt: { jwks: 'http://127.0.0.1:${port}/keys', issuer: i, audience: a }\n`)
      const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
      const claims = { iss: 'i', aud: 'a', sub: 'ada', accounts: ['acme'], exp: Math.floor(Date.now() / 1000) + 60 }
      const signed = `${part({ alg: 'RS256', kid: 'k' })}.${part(claims)}`
      const token = `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
      const ask = (authorization: string): Promise<Response> =>
        fetch(`${url}/v5/sgp/secrets`, { headers: { authorization, 'x-selected-account-id': 'acme' } })
      expect((await ask(`Bearer ${token}`)).status).toBe(200)
      expect((await ask(`Bearer ${token}x`)).status).toBe(401)
    } finally {
      issuer.close()
      issuer.closeAllConnections()
    }
  })

  it('works on no more than it is told to, and keeps no more connections, nor longer', async () => {
    const limits = '{ concurrent: 1, connections: 40, headerBytes: 1024, keepAliveMs: 100 }'
    const { url, lines } = await served(`http:\n  limits: ${limits}\n${KEYS}\n`)
    const statuses = await Promise.all(Array.from({ length: 20 }, async (_, n) => (await create(url, `key-${n}`)).status))
    expect(new Set(statuses)).toEqual(new Set([200, 503]))
    expect((await fetch(`${url}/healthz`, { headers: { 'x-long': 'x'.repeat(2000) } })).status).toBe(431)
    const port = Number(new URL(url).port)
    const idle = connect(port, '127.0.0.1')
    idle.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    // It ends by itself.
    expect(await text(idle)).toMatch(/^HTTP\/1\.1 200 /)
    const many = Array.from({ length: 60 }, () => connect(port, '127.0.0.1').on('error', () => {}))
    await expect.poll(() => many.filter(({ destroyed, readableEnded }) => destroyed || readableEnded).length).toBeGreaterThan(0)
    await expect.poll(() => lines.filter(({ event }) => event === 'connections_dropped')).not.toEqual([])
    for (const socket of many) socket.destroy()
  })

  it('takes signals that come at once for one, and ends at once at a second', async () => {
    const { child, url, errors, ended } = await served(`http:\n${KEYS}\n`)
    const body = JSON.stringify({ key: 'in-flight', value: VALUE })
    const head = Object.entries({ host: 'localhost', ...headers, 'content-type': 'application/json', 'content-length': String(body.length) })
    const half = `POST /v5/sgp/secrets HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body.slice(0, 10)}`
    const [finished, hanging] = [0, 1].map(() => connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {}))
    for (const socket of [finished, hanging]) socket?.write(half)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    // As of a Ctrl-C that the terminal sends to all, and the package manager passes on.
    child.kill('SIGINT')
    child.kill('SIGTERM')
    await expect.poll(() => errors()).toContain('stopping')
    finished?.write(body.slice(10))
    expect(finished && (await text(finished))).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    await new Promise(done => setTimeout(done, 600))
    child.kill('SIGINT')
    expect(await ended).toBe(130)
  })

  it('waits for what is under way no longer than it is told to', async () => {
    const { child, url, errors, ended } = await served(`http:\n  limits: { shutdownMs: 200 }\n${KEYS}\n`)
    const slow = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    const head = Object.entries({ host: 'localhost', ...headers, 'content-type': 'application/json', 'content-length': '100' })
    slow.write(`POST /v5/sgp/secrets HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n{`)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    child.kill('SIGTERM')
    await expect.poll(() => errors()).toContain('stopping')
    expect(await ended).toBe(0)
    slow.destroy()
  })
})
