import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anyOf, apiKeyAuthentication, jwtAuthentication, type Authenticate, type Caller, type Refusal } from '../src/index.ts'
import { ADA, sha256, startService } from './support/service.ts'

const ISSUER = 'https://id.example.com'
const AUDIENCE = 'strongroom'
const UNKNOWN = { refused: 'unauthenticated', challenge: 'Bearer' }
const WRONG = { refused: 'unauthenticated', challenge: 'Bearer error="invalid_token"' }
const ask = async (authenticate: Authenticate, headers: Readonly<Record<string, string>>): Promise<Caller | Refusal> =>
  await authenticate(new Request('http://127.0.0.1/v5/sgp/secrets', { headers }))

describe('API keys', () => {
  const authenticate = apiKeyAuthentication([
    { sha256: sha256('one'), identity: ADA, accounts: ['acme'] },
    { sha256: sha256('two').toUpperCase(), identity: ADA, accounts: ['*'] },
  ])
  it.each([
    [{}, { refused: 'unauthenticated', challenge: 'ApiKey' }],
    [{ 'x-api-key': 'three' }, { refused: 'unauthenticated', challenge: 'ApiKey' }],
    [{ 'x-api-key': sha256('one') }, { refused: 'unauthenticated', challenge: 'ApiKey' }],
    [{ 'x-api-key': 'one' }, { account: 'acme', actor: ADA, client: `key:${sha256('one').slice(0, 8)}` }],
    [{ 'x-api-key': 'one', 'x-selected-account-id': 'other' }, { refused: 'account_not_allowed' }],
    [{ 'x-api-key': 'two' }, { refused: 'account_required' }],
    [
      { 'x-api-key': 'two', 'x-selected-account-id': 'other' },
      { account: 'other', actor: ADA, client: `key:${sha256('two').slice(0, 8)}` },
    ],
    [{ 'x-api-key': 'two', 'x-selected-account-id': 'a b' }, { refused: 'account_not_allowed' }],
    [{ 'x-api-key': 'two', 'x-selected-account-id': '*' }, { refused: 'account_not_allowed' }],
  ])('%j', async (headers, expected) => {
    expect(await ask(authenticate, headers)).toEqual(expected)
  })

  it('that cannot be are refused at once', () => {
    const key = { sha256: sha256('one'), identity: ADA, accounts: ['acme'] }
    for (const keys of [
      [{ ...key, sha256: 'one' }],
      [{ ...key, accounts: [] }],
      [key, { ...key, sha256: key.sha256.toUpperCase() }],
      [{ ...key, accounts: ['a b'] }],
      [{ ...key, sha256: sha256('').toUpperCase() }],
      [{ ...key, identity: { ...ADA, id: '' } }],
      [{ ...key, identity: { ...ADA, id: 'a\nb' } }],
    ]) {
      expect(() => apiKeyAuthentication(keys)).toThrow()
    }
  })
})

describe('tokens of an issuer', () => {
  let keys: Awaited<ReturnType<typeof generateKeyPair>>
  let others: Awaited<ReturnType<typeof generateKeyPair>>
  let jwks = ''
  let answered = 200
  const server = createServer((_, response) => {
    void exportJWK(keys.publicKey).then(key =>
      response.writeHead(answered).end(JSON.stringify({ keys: [{ ...key, kid: 'now', alg: 'ES256', use: 'sig' }] })),
    )
  })
  beforeAll(async () => {
    keys = await generateKeyPair('ES256')
    others = await generateKeyPair('ES256')
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    jwks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
  })
  afterAll(() => void server.close())

  const token = async (
    claims: JWTPayload = {},
    { key = keys.privateKey, issuer = ISSUER, audience = AUDIENCE, expires = '5m' } = {},
  ): Promise<string> =>
    await new SignJWT({ accounts: ['acme', 'other'], ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'now' })
      .setSubject('ada')
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime(expires)
      .sign(key)
  const way = (): Authenticate => jwtAuthentication({ jwks, issuer: ISSUER, audience: AUDIENCE })
  const bearer = (text: string, account = 'acme') => ({ authorization: `Bearer ${text}`, 'x-selected-account-id': account })

  it('say who calls, for one of their accounts', async () => {
    expect(await ask(way(), bearer(await token(), 'other'))).toEqual({ account: 'other', actor: ADA, client: 'jwt:ada' })
    expect(await ask(way(), bearer(await token({ identity_type: 'service_account' })))).toMatchObject({
      actor: { id: 'ada', type: 'service_account' },
    })
    expect(await ask(way(), { authorization: `bearer ${await token({ accounts: 'acme' })}` })).toMatchObject({ account: 'acme' })
    expect(await ask(way(), bearer(await token(), 'elsewhere'))).toEqual({ refused: 'account_not_allowed' })
    expect(await ask(way(), bearer(await token({ accounts: undefined })))).toEqual({ refused: 'account_not_allowed' })
  })

  it('that are wrong let nobody in', async () => {
    const good = await token()
    const [head = '', body = '', signature = ''] = good.split('.')
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`
    const forged = Buffer.from(JSON.stringify({ ...(JSON.parse(Buffer.from(body, 'base64url').toString()) as object), sub: 'root' })).toString(
      'base64url',
    )
    for (const text of [
      await token({}, { key: others.privateKey }),
      await token({}, { issuer: 'https://elsewhere.example.com' }),
      await token({}, { audience: 'another' }),
      await token({}, { expires: '-1m' }),
      `${head}.${forged}.${signature}`,
      'a.b.c',
    ]) {
      expect(await ask(way(), bearer(text)), text).toEqual(WRONG)
    }
    for (const authorization of ['', 'Bearer', `Basic ${good}`, `Bearer ${none}`, 'Bearer a'])
      expect(await ask(way(), { authorization })).toEqual(UNKNOWN)
    expect(() => jwtAuthentication({ jwks, issuer: ISSUER, audience: AUDIENCE, algorithms: ['HS256'] })).toThrow('asymmetric')
  })

  it('are of one issuer for one audience: without either there is no check, and so none of it', () => {
    const options = { jwks, issuer: ISSUER, audience: AUDIENCE }
    for (const name of ['issuer', 'audience']) {
      for (const unset of ['', undefined as never]) expect(() => jwtAuthentication({ ...options, [name]: unset })).toThrow(`${name} is required`)
    }
  })

  it('on the wire: 401 with a challenge; 503 while the issuer does not answer', async () => {
    await using service = await startService({
      authenticate: anyOf(apiKeyAuthentication([{ sha256: sha256('k'), identity: ADA, accounts: ['acme'] }]), way()),
    })
    const call = async (headers: Readonly<Record<string, string>>): Promise<Response> => await fetch(`${service.url}/v5/sgp/secrets`, { headers })
    expect((await call({ 'x-api-key': 'k' })).status).toBe(200)
    expect((await call(bearer(await token()))).status).toBe(200)
    const refused = await call(bearer(await token({}, { expires: '-1m' })))
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'ApiKey, Bearer error="invalid_token"'])
    answered = 500
    await using fresh = await startService({ authenticate: way() })
    const away = await fetch(`${fresh.url}/v5/sgp/secrets`, { headers: bearer(await token()) })
    expect([away.status, await away.json()]).toEqual([503, expect.objectContaining({ code: 'unavailable', effect: 'none' })])
  })
})
