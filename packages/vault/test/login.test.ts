import { generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { setTimeout as delay } from 'node:timers/promises'
import type { Failure, NativePath, SecretDriver } from '@strongroom/core'
import { startFaultProxy, type FaultProxy } from '@strongroom/emulators'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { vaultDriver, vaultSecretStore, type VaultAuth } from '../src/index.ts'
import { collect, listen } from './answering.ts'
import { missing, proxied, startVault, suite, type Vault } from './vault.ts'

const REFUSED = 'the login was refused: wrong credentials, role, or mount of the auth method'
const path = 'a' as NativePath
const realNow = performance.now.bind(performance)

/** The driver's clock is so far ahead of the server's, which goes on as it is. */
function ahead(ms: number): void {
  vi.spyOn(performance, 'now').mockImplementation(() => realNow() + ms)
}
const call = { signal: new AbortController().signal, attempt: 1 }

describe.skipIf(missing !== undefined)(suite('logins, for real'), () => {
  let vault: Vault
  let mount: string
  let policy: string
  let approle: string
  let proxy: FaultProxy
  const asked: string[] = []
  const drivers: SecretDriver[] = []

  beforeAll(async () => {
    vault = await startVault()
    mount = await vault.mount()
    policy = await vault.policy({ [`${mount}/*`]: ['create', 'read', 'update', 'delete', 'list'] })
    approle = await vault.authMethod('approle')
    await vault.admin('POST', `${mount}/data/a`, { data: { value: 'v' } })
  })
  afterAll(() => vault?.stop())
  beforeEach(async () => {
    asked.length = 0
    const { operationOf = () => '' } = proxied
    proxy = await startFaultProxy(vault.url, { ...proxied, operationOf: request => (asked.push(operationOf(request)), operationOf(request)) })
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    for (const driver of drivers.splice(0)) await driver.close()
    await proxy.stop()
  })

  const driverWith = (auth: VaultAuth): SecretDriver => {
    const driver = vaultDriver({ address: proxy.url, mount, auth })
    drivers.push(driver)
    return driver
  }
  const read = async (driver: SecretDriver): Promise<string> =>
    new TextDecoder().decode((await driver.read({ path, version: undefined }, call)).payload.bytes)
  const failureOf = async (driver: SecretDriver): Promise<Failure> =>
    await read(driver).then(
      () => {
        throw new Error('it must fail')
      },
      (error: unknown) => driver.classify(error),
    )
  const count = (operation: string): number => asked.filter(one => one === operation).length
  /** What goes on behind the calls has come so far. */
  const counted = (operation: string, times: number): Promise<void> => vi.waitFor(() => expect(count(operation)).toBe(times), { timeout: 10_000 })

  /** An AppRole whose tokens live so long. */
  const role = async (more: object = {}): Promise<VaultAuth & { readonly method: 'approle' } & { readonly secretId: string }> => {
    const name = randomUUID()
    await vault.admin('POST', `auth/${approle}/role/${name}`, { token_policies: [policy], ...more })
    const { data } = await vault.admin<{ readonly data: { readonly role_id: string } }>('GET', `auth/${approle}/role/${name}/role-id`)
    const made = await vault.admin<{ readonly data: { readonly secret_id: string } }>('POST', `auth/${approle}/role/${name}/secret-id`)
    return { method: 'approle', mount: approle, roleId: data.role_id, secretId: made.data.secret_id }
  }
  const revoke = async (): Promise<void> => void (await vault.admin('POST', `sys/leases/revoke-force/auth/${approle}/login`))

  describe('AppRole', () => {
    test('logs in once for many calls at the same time, and not again', async () => {
      const driver = driverWith(await role())
      expect(new Set(await Promise.all(Array.from({ length: 50 }, () => read(driver))))).toEqual(new Set(['v']))
      await read(driver)
      expect([count('Login'), count('ReadMount'), count('ReadData'), count('RenewSelf')]).toEqual([1, 1, 51, 0])
    })

    test('a secret id may be a function, which is asked at each login', async () => {
      const { secretId, ...rest } = await role()
      let calls = 0
      const driver = driverWith({ ...rest, secretId: async () => (calls++ === 0 ? secretId : 'wrong') })
      expect(await read(driver)).toBe('v')
      await revoke()
      expect((await failureOf(driver)).code).toBe('unauthenticated')
      expect(await failureOf(driver)).toMatchObject({ code: 'unauthenticated', hint: REFUSED })
      expect(calls).toBe(2)
    })

    test('a token is renewed once two thirds of its time are over, behind the calls that come then', async () => {
      const driver = driverWith(await role({ token_ttl: '60s' }))
      await read(driver)
      ahead(30_000)
      await read(driver)
      expect(count('RenewSelf')).toBe(0)
      ahead(45_000)
      await Promise.all(Array.from({ length: 20 }, () => read(driver)))
      await counted('RenewSelf', 1)
      ahead(70_000) // the first one would be over
      expect(await read(driver)).toBe('v')
      expect([count('Login'), count('RenewSelf')]).toEqual([1, 1])
    })

    test('and lives on: the server takes it when its first time is over', async () => {
      const driver = driverWith(await role({ token_ttl: '6s' }))
      await read(driver)
      await delay(4_100)
      await read(driver)
      await delay(2_500)
      expect(await read(driver)).toBe('v')
      expect([count('LookupSelf'), count('Login')]).toEqual([0, 1])
    })

    test.each(['reset', 'stall'] as const)('a renewal that has no answer (%s) neither fails a call nor holds one up', async kind => {
      const driver = driverWith(await role({ token_ttl: '60s' }))
      await read(driver)
      ahead(45_000)
      proxy.inject({ kind }, { operations: ['RenewSelf'] })
      // A call that waited for it would wait for ten seconds of silence.
      const soon = { signal: AbortSignal.timeout(5_000), attempt: 1 }
      for (let round = 1; round <= 3; round += 1) await driver.read({ path, version: undefined }, soon)
      await counted('RenewSelf', 1)
      ahead(54_000) // half of the third that was left
      if (kind === 'reset') await expect.poll(async () => (await read(driver), count('RenewSelf'))).toBe(2)
      expect(count('Login')).toBe(1)
    })

    test('a renewal that the server cuts, since the greatest age is near, is followed by a login', async () => {
      const driver = driverWith(await role({ token_ttl: '5s', token_max_ttl: '5s' }))
      await read(driver)
      await delay(2_100) // so that 3 s at most are left to give
      ahead(2_000)
      expect(await read(driver)).toBe('v')
      await counted('Login', 2)
      expect(count('RenewSelf')).toBe(1)
    })

    test('and so is one that is refused', async () => {
      const driver = driverWith(await role({ token_ttl: '60s' }))
      await read(driver)
      ahead(45_000)
      proxy.inject({ kind: 'answer', status: 403, body: '{"errors":["permission denied"]}' }, { operations: ['RenewSelf'] })
      expect(await read(driver)).toBe('v')
      await counted('Login', 2)
      expect(count('RenewSelf')).toBe(1)
    })

    test('a token whose time is over is not used, nor renewed', async () => {
      const driver = driverWith(await role({ token_ttl: '2s' }))
      await read(driver)
      await delay(2_200)
      expect(await read(driver)).toBe('v')
      expect([count('RenewSelf'), count('LookupSelf')]).toEqual([0, 0])
      expect(count('Login')).toBeGreaterThan(1)
    })

    test('a batch token, which cannot be renewed, is followed by a login', async () => {
      const driver = driverWith(await role({ token_type: 'batch', token_ttl: '60s' }))
      await read(driver)
      ahead(45_000)
      expect(await read(driver)).toBe('v')
      await counted('Login', 2)
      expect(count('RenewSelf')).toBe(0)
    })

    test('a token that is revoked in mid-run is unauthenticated once, and the next call logs in', async () => {
      const driver = driverWith(await role())
      await read(driver)
      await revoke()
      const hint = 'the token is not valid, or not any more'
      expect(await failureOf(driver)).toMatchObject({ code: 'unauthenticated', retryable: true, effect: 'none', hint })
      expect(await read(driver)).toBe('v')
      expect([count('Login'), count('LookupSelf')]).toEqual([2, 1])
    })

    test('so that a store does not notice', async () => {
      await using store = vaultSecretStore({ address: proxy.url, mount, auth: await role() })
      expect((await store.get('a')).value.revealText()).toBe('v')
      await revoke()
      expect((await store.get('a')).value.revealText()).toBe('v')
      expect(count('Login')).toBe(2)
    })

    test('a wrong secret id is unauthenticated, and nothing was sent; the next call tries again', async () => {
      const good = await role()
      const driver = driverWith({ ...good, secretId: 'wrong' })
      expect(await failureOf(driver)).toMatchObject({ code: 'unauthenticated', retryable: false, effect: 'none', hint: REFUSED })
      await failureOf(driver)
      expect([count('Login'), count('ReadData')]).toEqual([2, 0])
    })

    test('a mount without an auth method is no other answer to the server, and a namespace that is not there is misconfigured', async () => {
      const auth = { ...(await role()), mount: 'no-such-method' }
      expect(await failureOf(driverWith(auth))).toMatchObject({ code: 'unauthenticated', effect: 'none', hint: REFUSED })
      const driver = vaultDriver({ address: proxy.url, mount, auth, namespace: 'no-such-namespace' })
      expect(await failureOf(driver)).toMatchObject({ code: 'misconfigured', effect: 'none' })
      await driver.close()
    })

    test('a login on a bad wire is unavailable, has no effect, and is not kept', async () => {
      const driver = driverWith(await role())
      const payload = { bytes: new TextEncoder().encode('x'), text: true }
      for (const fault of [{ kind: 'reset' }, { kind: 'lose' }, { kind: 'cut' }, { kind: 'fail', code: '500' }] as const) {
        proxy.inject(fault, { operations: ['Login'] })
        const write = driver.create({ path: 'b' as NativePath, payload, labels: {}, token: 'x' }, call)
        expect(await write.catch((error: unknown) => driver.classify(error))).toMatchObject({ code: 'unavailable', retryable: true, effect: 'none' })
      }
      proxy.inject({ kind: 'throttle', retryAfterMs: 2_000 }, { operations: ['Login'] })
      expect(await failureOf(driver)).toMatchObject({ code: 'throttled', retryable: true, effect: 'none', retryAfterMs: 2_000 })
      expect(await read(driver)).toBe('v')
    })
  })

  describe('a token', () => {
    test('that is wrong is unauthenticated, and asking again changes nothing', async () => {
      expect(await failureOf(driverWith({ method: 'token', token: 'wrong' }))).toMatchObject({ code: 'unauthenticated', retryable: false })
    })

    test('that may do nothing here is denied', async () => {
      const token = await vault.tokenFor({ 'somewhere/else': ['read'] })
      const driver = driverWith({ method: 'token', token })
      expect(await failureOf(driver)).toMatchObject({ code: 'permission_denied', retryable: false, effect: 'none' })
      expect(count('LookupSelf')).toBe(1)
    })

    test('from a function is asked for again when it is refused', async () => {
      const tokens = [await vault.tokenFor({ [`${mount}/*`]: ['read'] }), vault.token]
      const [first] = tokens
      const driver = driverWith({ method: 'token', token: () => tokens.shift() ?? '' })
      expect(await read(driver)).toBe('v')
      await vault.admin('POST', 'auth/token/revoke', { token: first })
      expect(await failureOf(driver)).toMatchObject({ code: 'unauthenticated', retryable: true })
      expect(await read(driver)).toBe('v')
    })

    test('from a function that fails is unauthenticated, and the function is asked again', async () => {
      let calls = 0
      const failing = driverWith({
        method: 'token',
        token: async () => {
          calls += 1
          if (calls === 1) throw new Error('the vault of the vault is closed')
          return calls === 2 ? '' : vault.token
        },
      })
      for (let round = 1; round <= 2; round += 1) expect(await failureOf(failing)).toMatchObject({ code: 'unauthenticated', effect: 'none' })
      expect(await read(failing)).toBe('v')
    })

    test('is kept alive where that is asked for, and otherwise not looked at', async () => {
      const token = await vault.tokenFor({ [`${mount}/*`]: ['read'] }, { ttl: '60s', renewable: true })
      const driver = driverWith({ method: 'token', token, renew: true })
      for (const [round, ms] of [0, 45_000, 90_000].entries()) {
        ahead(ms)
        expect(await read(driver)).toBe('v')
        await counted('RenewSelf', round)
      }
      expect(count('LookupSelf')).toBe(1)
      const other = driverWith({ method: 'token', token })
      await read(other)
      expect(count('LookupSelf')).toBe(1)
    })
  })

  describe('JWT', () => {
    test('signed by a key that the server knows logs in; by another one, or when it is over, not', async () => {
      const jwtMount = await vault.authMethod('jwt')
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const pem = publicKey.export({ type: 'spki', format: 'pem' })
      await vault.admin('POST', `auth/${jwtMount}/config`, { jwt_validation_pubkeys: [pem], jwt_supported_algs: ['ES256'] })
      const bound = { role_type: 'jwt', user_claim: 'sub', bound_audiences: ['strongroom'], token_policies: [policy] }
      await vault.admin('POST', `auth/${jwtMount}/role/app`, bound)
      const claims = (seconds: number): object => ({ sub: 'app', aud: 'strongroom', iat: now() - 60, exp: now() + seconds })
      const login = (jwt: string): SecretDriver => driverWith({ method: 'jwt', mount: jwtMount, role: 'app', jwt: () => jwt })
      expect(await read(login(jwtOf(claims(60), privateKey)))).toBe('v')
      const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
      expect((await failureOf(login(jwtOf(claims(60), other)))).code).toBe('unauthenticated')
      expect((await failureOf(login(jwtOf(claims(-600), privateKey)))).code).toBe('unauthenticated')
    })
  })

  describe('Kubernetes', () => {
    test('the token of a service account logs in, from text and from a file; one that the cluster refuses does not', async () => {
      const serviceAccount = { sub: 'system:serviceaccount:default:app', aud: ['https://kubernetes'], exp: now() + 600, iat: now() - 60 }
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const names = { namespace: 'default', serviceaccount: { name: 'app', uid: 'uid-1' } }
      const jwt = jwtOf({ ...serviceAccount, iss: 'https://kubernetes', 'kubernetes.io': names }, privateKey)
      const reviewed: string[] = []
      // Stands for a cluster: the real server asks it, as it asks a real one, whose the token is.
      const cluster = await listen(
        createServer((request, response) => {
          void (async () => {
            const { spec } = JSON.parse(await collect(request)) as {
              readonly spec: { readonly token: string; readonly audiences?: readonly string[] }
            }
            reviewed.push(`${request.method} ${request.url}`)
            const user = { username: serviceAccount.sub, uid: 'uid-1', groups: ['system:serviceaccounts'] }
            const status =
              spec.token === jwt ? { authenticated: true, user, audiences: spec.audiences } : { authenticated: false, error: 'invalid bearer token' }
            response.writeHead(201, { 'content-type': 'application/json' })
            response.end(JSON.stringify({ kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', status }))
          })()
        }),
      )
      const folder = await mkdtemp(join(tmpdir(), 'strongroom-vault-'))
      try {
        const k8s = await vault.authMethod('kubernetes')
        // It wants an authority's certificate, though the stand-in has no TLS.
        const config = { kubernetes_host: cluster.url, token_reviewer_jwt: jwt, disable_local_ca_jwt: true, kubernetes_ca_cert: rootCertificates[0] }
        await vault.admin('POST', `auth/${k8s}/config`, config)
        const bound = { bound_service_account_names: ['app'], bound_service_account_namespaces: ['default'], token_policies: [policy] }
        await vault.admin('POST', `auth/${k8s}/role/app`, bound)
        expect(await read(driverWith({ method: 'kubernetes', mount: k8s, role: 'app', jwt }))).toBe('v')
        expect(reviewed).toEqual(['POST /apis/authentication.k8s.io/v1/tokenreviews'])
        const jwtFile = join(folder, 'token')
        await writeFile(jwtFile, `${jwt}\n`)
        expect(await read(driverWith({ method: 'kubernetes', mount: k8s, role: 'app', jwtFile }))).toBe('v')
        const other = jwtOf({ ...serviceAccount, iss: 'https://kubernetes', 'kubernetes.io': names }, privateKey)
        expect((await failureOf(driverWith({ method: 'kubernetes', mount: k8s, role: 'app', jwt: other }))).code).toBe('unauthenticated')
        const nowhere = driverWith({ method: 'kubernetes', mount: k8s, role: 'app', jwtFile: join(folder, 'nothing') })
        expect(await failureOf(nowhere)).toMatchObject({
          code: 'unauthenticated',
          hint: 'what gives auth.jwt failed, gave no text, or took over 10 seconds',
        })
      } finally {
        await rm(folder, { recursive: true, force: true })
        await cluster.stop()
      }
    })
  })
})

function now(): number {
  return Math.floor(Date.now() / 1000)
}

function jwtOf(claims: object, key: KeyObject): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}
