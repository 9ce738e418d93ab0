import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { missingProgram, openBaoBinary, ROOT_TOKEN, startOpenBao, suiteTitle, type TestServer } from '@strongroom/testbed'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startVaultEmulator, type VaultEmulator } from '../../src/vault/index.ts'
import { ask, normal, shown, type Answered, type Ask } from './ask.ts'
import { differences } from './differences.ts'
import { generated, type Step } from './generated.ts'
import { clientAnswers } from './node-vault.ts'

const missing = missingProgram(openBaoBinary, 'OpenBao')
const seed = Number(process.env['STRONGROOM_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const STEPS = 1_500

/** One of the two servers, with the tokens that it gave. */
class Side {
  readonly url: string
  readonly #tokens: (string | undefined)[] = []

  constructor(url: string) {
    this.url = url
  }

  async send({ as, makesToken, ...request }: Step): Promise<Answered> {
    const token = typeof as === 'number' ? (this.#tokens.at(-1 - as) ?? 's.nobody') : { root: ROOT_TOKEN, bad: 's.nobody', none: undefined }[as]
    const answered = await ask(this.url, { ...request, token })
    if (makesToken === true) this.#tokens.push(tokenIn(answered))
    return answered
  }
}

describe.skipIf(missing !== undefined)(suiteTitle(`the emulator and OpenBao (STRONGROOM_SEED=${seed})`, missing), () => {
  let server: TestServer
  let emulator: VaultEmulator
  let real: Side
  let emulated: Side

  beforeAll(async () => {
    server = await startOpenBao()
    emulator = await startVaultEmulator({ flavour: 'openbao', rootToken: ROOT_TOKEN })
    real = new Side(server.url)
    emulated = new Side(emulator.url)
  })
  afterAll(async () => {
    await emulator?.stop()
    await server?.stop()
  })

  // The generated requests leave some configuration of the engine.
  beforeEach(async () => {
    const body = { max_versions: 0, cas_required: false, delete_version_after: 0, metadata_cas_required: false }
    for (const { url } of [server, emulator]) await ask(url, { method: 'POST', path: 'secret/config', body, token: ROOT_TOKEN })
  })

  const sentToBoth = (step: Step): Promise<readonly [Answered, Answered]> => Promise.all([real.send(step), emulated.send(step)])

  /** The same request to both, each with its own token and names; answers the real one's answer, or fails. */
  const alike = async (requestOf: (side: Side) => Ask): Promise<Answered> => {
    const [theirs, ours] = await Promise.all([real, emulated].map(side => ask(side.url, requestOf(side))))
    if (theirs === undefined || ours === undefined) throw new Error('there are two sides')
    expect(shown(normal(ours))).toBe(shown(normal(theirs)))
    return theirs
  }

  test(`answer ${STEPS} generated requests alike`, { timeout: 240_000 }, async () => {
    const statuses = new Map<number, number>()
    for (const [index, step] of generated(seed, STEPS).entries()) {
      const [theirs, ours] = await sentToBoth(step)
      const asked = `${index}: ${shown(step)}`
      expect.soft(`${asked}\nanswered ${shown(normal(ours))}`).toBe(`${asked}\nanswered ${shown(normal(theirs))}`)
      statuses.set(theirs.status, (statuses.get(theirs.status) ?? 0) + 1)
    }
    // The sequence must reach something: a store that only refuses would be imitated by one that only refuses.
    for (const status of [200, 204, 400, 403, 404, 405]) expect(statuses.get(status) ?? 0, String(status)).toBeGreaterThan(STEPS / 300)
    expect(statuses.get(200)).toBeGreaterThan(STEPS / 5)
  })

  test.each(differences)('$what: it still differs, and $right is right', async ({ probe }) => {
    const answers = []
    for (const step of probe) answers.push(await sentToBoth(step))
    const [theirs, ours] = answers.pop() ?? []
    for (const [a, b] of answers) expect(b.status).toBe(a.status)
    expect(theirs !== undefined && ours !== undefined && shown(normal(theirs)) !== shown(normal(ours)), 'take it out of differences.ts').toBe(true)
  })

  test('a version is deleted when its time has come', async () => {
    const root = { token: ROOT_TOKEN }
    await alike(() => ({ ...root, method: 'POST', path: 'secret/metadata/timed', body: { delete_version_after: '1s' } }))
    await alike(() => ({ ...root, method: 'POST', path: 'secret/data/timed', body: { data: { x: '1' } } }))
    const wanted = { ...root, method: 'GET', path: 'secret/data/timed' }
    await until(async () => (await ask(real.url, wanted)).status === 404)
    emulator.controls.clock.advance(1_000)
    expect((await alike(() => wanted)).status).toBe(404)
    await alike(() => ({ ...root, method: 'POST', path: 'secret/undelete/timed', body: { versions: [1] } }))
    await alike(() => ({ ...root, method: 'DELETE', path: 'secret/metadata/timed' }))
  })

  test('a token is over when its time has come, and a revoked one at once', async () => {
    const made = async (side: Side): Promise<string> =>
      tokenIn(await ask(side.url, { method: 'POST', path: 'auth/token/create', body: { ttl: '1s' }, token: ROOT_TOKEN })) ?? ''
    const tokens = new Map<Side, string>([
      [real, await made(real)],
      [emulated, await made(emulated)],
    ])
    const lookup = (side: Side): Ask => ({ method: 'GET', path: 'auth/token/lookup-self', token: tokens.get(side) })
    await until(async () => (await ask(real.url, lookup(real))).status === 403)
    emulator.controls.clock.advance(1_000)
    await alike(lookup)
    await alike(side => ({ ...lookup(side), method: 'POST', path: 'auth/token/renew-self', body: {} }))
    for (const side of [real, emulated]) tokens.set(side, await made(side))
    expect((await alike(side => ({ ...lookup(side), method: 'POST', path: 'auth/token/revoke-self' }))).status).toBe(204)
    expect((await alike(lookup)).status).toBe(403)
  })

  test('a token with less than everything', async () => {
    const policy = 'path "secret/data/*" { capabilities = ["read"] }'
    await ask(real.url, { method: 'PUT', path: 'sys/policies/acl/reader', body: { policy }, token: ROOT_TOKEN })
    const made = await ask(real.url, {
      method: 'POST',
      path: 'auth/token/create',
      body: { policies: ['reader'], ttl: '1h', no_parent: true },
      token: ROOT_TOKEN,
    })
    const ours = emulator.createToken({ operations: ['ReadData'], policies: ['default', 'reader'], ttlMs: 3_600_000 })
    const as = (side: Side): string | undefined => (side === real ? tokenIn(made) : ours)
    await alike(() => ({ method: 'POST', path: 'secret/data/denied', body: { data: { x: '1' }, options: {} }, token: ROOT_TOKEN }))
    expect((await alike(side => ({ method: 'GET', path: 'secret/data/denied', token: as(side) }))).status).toBe(200)
    for (const request of [
      { method: 'POST', path: 'secret/data/denied', body: { data: {} } },
      { method: 'LIST', path: 'secret/metadata' },
      { method: 'DELETE', path: 'secret/metadata/denied' },
      { method: 'GET', path: 'nomount/data/denied' },
      { method: 'POST', path: 'auth/token/create', body: {} },
    ]) {
      expect((await alike(side => ({ ...request, token: as(side) }))).status, request.path).toBe(403)
    }
    expect((await alike(side => ({ method: 'GET', path: 'auth/token/lookup-self', token: as(side) }))).status).toBe(200)
    await alike(side => ({ method: 'GET', path: 'secret/data/denied', headers: { authorization: `Bearer ${as(side)}` } }))
  })

  test('logins by AppRole', async () => {
    const setUp: readonly (readonly [string, unknown])[] = [
      ['sys/auth/approle', { type: 'approle' }],
      ['auth/approle/role/app', { token_ttl: '20m', token_max_ttl: '30m', policies: ['reader'] }],
      ['auth/approle/role/app/role-id', { role_id: 'the-role' }],
      ['auth/approle/role/app/custom-secret-id', { secret_id: 'the-secret' }],
    ]
    for (const [path, body] of setUp) await ask(real.url, { method: 'POST', path, body, token: ROOT_TOKEN })
    const policies = ['default', 'reader']
    emulator.addRole({ auth: 'approle', role: 'app', roleId: 'the-role', secretId: 'the-secret', ttlMs: 1_200_000, maxTtlMs: 1_800_000, policies })
    await sameLogins('approle', [
      { role_id: 'the-role', secret_id: 'the-secret' },
      { role_id: 'the-role', secret_id: 'wrong' },
      { role_id: 'wrong', secret_id: 'the-secret' },
      { role_id: 'the-role' },
      {},
    ])
  })

  test('logins by JWT', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const setUp: readonly (readonly [string, unknown])[] = [
      ['sys/auth/jwt', { type: 'jwt' }],
      ['auth/jwt/config', { jwt_validation_pubkeys: [publicKey.export({ type: 'spki', format: 'pem' })] }],
      [
        'auth/jwt/role/app',
        { role_type: 'jwt', user_claim: 'sub', bound_audiences: ['bao'], token_ttl: '10m', token_max_ttl: '20m', policies: ['reader'] },
      ],
    ]
    for (const [path, body] of setUp) await ask(real.url, { method: 'POST', path, body, token: ROOT_TOKEN })
    const jwt = signed(privateKey)
    const policies = ['default', 'reader']
    emulator.addRole({ auth: 'jwt', role: 'app', accepts: jwt, displayName: 'jwt-svc', ttlMs: 600_000, maxTtlMs: 1_200_000, policies })
    const stranger = signed(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
    await sameLogins('jwt', [{ role: 'app', jwt }, { role: 'app', jwt: stranger }, { role: 'none', jwt }, { role: 'app' }, { jwt }])
  })

  const sameLogins = async (mount: string, bodies: readonly unknown[]): Promise<void> => {
    const tokens = new Map<Side, string | undefined>()
    for (const body of bodies) {
      const request: Ask = { method: 'POST', path: `auth/${mount}/login`, body }
      const [theirs, ours] = await Promise.all([ask(real.url, request), ask(emulated.url, request)])
      expect(shown(normal(ours))).toBe(shown(normal(theirs)))
      if (theirs.status === 200) tokens.set(real, tokenIn(theirs)).set(emulated, tokenIn(ours))
    }
    expect((await alike(side => ({ method: 'GET', path: 'auth/token/lookup-self', token: tokens.get(side) }))).status).toBe(200)
    expect(
      (await alike(side => ({ method: 'POST', path: 'auth/token/renew-self', body: { increment: '5m' }, token: tokens.get(side) }))).status,
    ).toBe(200)
    expect((await alike(side => ({ method: 'POST', path: 'auth/token/renew-self', body: {}, token: tokens.get(side) }))).status).toBe(200)
  }

  test('node-vault gets the same from both, with its own verbs', async () => {
    expect(await clientAnswers(emulated.url, ROOT_TOKEN)).toEqual(await clientAnswers(real.url, ROOT_TOKEN))
  })

  test('a body that is too large', async () => {
    const request: Ask = { method: 'POST', path: 'secret/data/large', body: { data: { x: 'x'.repeat(33_554_432) } }, token: ROOT_TOKEN }
    const small = await startVaultEmulator({ flavour: 'openbao', maxRequestBytes: 1_000 })
    const ours = await ask(small.url, { ...request, body: { data: { x: 'x'.repeat(1_000) } } })
    await small.stop()
    expect(shown(normal(ours))).toBe(shown(normal(await ask(real.url, request))))
  })

  test('too many requests', async () => {
    await ask(real.url, { method: 'POST', path: 'sys/quotas/rate-limit/one', body: { rate: 1, path: 'secret/' }, token: ROOT_TOKEN })
    const request: Ask = { method: 'GET', path: 'secret/data/none', token: ROOT_TOKEN }
    let theirs = await ask(real.url, request)
    await until(async () => (theirs = await ask(real.url, request)).status === 429)
    await ask(real.url, { method: 'DELETE', path: 'sys/quotas/rate-limit/one', token: ROOT_TOKEN })
    emulator.controls.inject({ kind: 'throttle' })
    const ours = await ask(emulated.url, request)
    const withoutPath = (answered: Answered): string => shown(normal(answered)).replace(/request path .*?: /, '')
    expect(withoutPath(ours)).toBe(withoutPath(theirs))
  })

  // The last one: a sealed server stays sealed.
  test('sealed', async () => {
    await ask(real.url, { method: 'POST', path: 'sys/seal', token: ROOT_TOKEN })
    emulator.seal()
    expect((await alike(() => ({ method: 'GET', path: 'secret/data/none', token: ROOT_TOKEN }))).status).toBe(503)
    await alike(() => ({ method: 'GET', path: 'secret/data/none' }))
    await alike(() => ({ method: 'POST', path: 'auth/approle/login', body: {} }))
    expect((await alike(() => ({ method: 'GET', path: 'sys/health' }))).status).toBe(503)
    const [theirs, ours] = await Promise.all([real, emulated].map(side => ask(side.url, { method: 'GET', path: 'sys/seal-status' })))
    expect({ commit_date: expect.any(String), ...(ours?.body as object) }).toEqual(theirs?.body)
  })
})

function tokenIn({ body }: Answered): string | undefined {
  return (body as { readonly auth?: { readonly client_token?: string } | null }).auth?.client_token
}

/** Waits for what only time can bring. */
async function until(done: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000
  while (!(await done())) {
    if (performance.now() > end) throw new Error('it did not happen within 20 seconds')
    await delay(20)
  }
}

function signed(key: KeyObject): string {
  const now = Math.floor(Date.now() / 1_000)
  const [head, claims] = [
    { alg: 'RS256', typ: 'JWT' },
    { sub: 'svc', aud: 'bao', iat: now, exp: now + 600 },
  ].map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
  return `${head}.${claims}.${sign('sha256', Buffer.from(`${head}.${claims}`), key).toString('base64url')}`
}
