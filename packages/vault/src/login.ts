import { readFile } from 'node:fs/promises'
import { DriverFinding, explained, isAborted, isText, refused, Shared, withCircumstances, type Abortable, type Failure } from '@strongroom/core'
import { classify, statusOf } from './classify.ts'
import { encodePath, type Given, type VaultAuth } from './options.ts'

/** A request without retries; with a token, or without one. */
export type Ask = (request: {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly json?: object
  readonly token?: string
}) => Promise<unknown>

interface Held {
  readonly token: string
  /** By `performance.now()`, from before the request, so that it ends before the server's own. */
  readonly since: number
  readonly ttlMs: number
  readonly renewable: boolean
  /** What the login gave; a renewal gives less when the token's last hour has come. */
  readonly fullTtlMs: number
}

/** When so much of its time is over, a token is renewed by the next call. There is no timer: who does not call needs no token. */
const RENEW_AT = 2 / 3
// A mount without an auth method answers as a wrong secret does.
const REFUSED: Failure = refused('unauthenticated', { hint: 'the login was refused: wrong credentials, role, or mount of the auth method' })
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** The token of a driver: one login and one renewal at a time, however many wait for it. */
export class Tokens {
  readonly #auth: VaultAuth
  readonly #ask: Ask
  readonly #next = new Shared<string>()
  #held: Held | undefined

  constructor(auth: VaultAuth, ask: Ask) {
    this.#auth = auth
    this.#ask = ask
  }

  /** Whether a token that was refused may be followed by another one. */
  get canLogIn(): boolean {
    return this.#auth.method !== 'token' || typeof this.#auth.token === 'function'
  }

  async get(call: Abortable): Promise<string> {
    const held = this.#held
    if (held !== undefined && ageOf(held) < held.ttlMs * RENEW_AT) return held.token
    try {
      return await this.#next.run(() => this.#renewOrLogIn(), call)
    } catch (error) {
      // It still has a third of its time.
      if (held !== undefined && held === this.#held && ageOf(held) < held.ttlMs && !isAborted(call)) return held.token
      throw error
    }
  }

  /** Forgets a token that the server refused; not one that was got since. */
  drop(token: string): void {
    if (this.#held?.token === token) this.#held = undefined
  }

  async #renewOrLogIn(): Promise<string> {
    const held = this.#held
    const renewed = held?.renewable === true && ageOf(held) < held.ttlMs ? await this.#renew(held) : undefined
    this.#held = renewed ?? (await this.#logIn())
    return this.#held.token
  }

  /** Undefined when a login is better: the server refuses, or the token's greatest age is near. */
  async #renew(held: Held): Promise<Held | undefined> {
    const since = performance.now()
    try {
      const answer = await this.#ask({ method: 'POST', path: 'auth/token/renew-self', json: {}, token: held.token })
      const renewed = heldOf(answer, since, held.fullTtlMs)
      return renewed.ttlMs < renewed.fullTtlMs * RENEW_AT && this.canLogIn ? undefined : renewed
    } catch (error) {
      if ([400, 403].includes(statusOf(error) ?? 0)) return undefined
      throw notSent(error)
    }
  }

  async #logIn(): Promise<Held> {
    const auth = this.#auth
    if (auth.method === 'token') return await this.#given(auth)
    const json = await loginOf(auth)
    const since = performance.now()
    try {
      return heldOf(await this.#ask({ method: 'POST', path: `auth/${encodePath(auth.mount ?? auth.method)}/login`, json }), since)
    } catch (error) {
      throw notSent(error)
    }
  }

  async #given({ token: given, renew = false }: VaultAuth & { readonly method: 'token' }): Promise<Held> {
    const since = performance.now()
    const token = await valueOf(given, 'token')
    if (!renew) return { token, since, ttlMs: Infinity, renewable: false, fullTtlMs: Infinity }
    try {
      const { data } = (await this.#ask({ method: 'GET', path: 'auth/token/lookup-self', token })) as { readonly data?: Record<string, unknown> }
      return heldOf({ auth: { client_token: token, lease_duration: data?.['ttl'], renewable: data?.['renewable'] } }, since)
    } catch (error) {
      throw notSent(error)
    }
  }
}

function ageOf({ since }: Held): number {
  return performance.now() - since
}

/** @throws DriverFinding `corrupt` */
function heldOf(answer: unknown, since: number, fullTtlMs?: number): Held {
  const { auth } = (answer ?? {}) as { readonly auth?: Readonly<Record<string, unknown>> | null }
  const { client_token: token, lease_duration: seconds, renewable } = auth ?? {}
  if (!isText(token) || typeof seconds !== 'number' || !(seconds >= 0)) {
    throw new DriverFinding(refused('corrupt', { hint: 'the answer to the login is incomplete' }))
  }
  // No time means without end, as for a root token.
  const ttlMs = seconds === 0 ? Infinity : seconds * 1000
  return { token, since, ttlMs, renewable: renewable === true, fullTtlMs: fullTtlMs ?? ttlMs }
}

async function loginOf(auth: Exclude<VaultAuth, { readonly method: 'token' }>): Promise<object> {
  if (auth.method === 'approle') return { role_id: auth.roleId, secret_id: await valueOf(auth.secretId, 'secretId') }
  const { jwtFile = SERVICE_ACCOUNT } = auth as { readonly jwtFile?: string }
  const jwt = auth.jwt ?? (async () => (await readFile(jwtFile, 'utf8')).trim())
  return { role: auth.role, jwt: await valueOf(jwt, 'jwt') }
}

/** Whatever the caller's function throws, it means that there are no credentials, and that nothing was sent. */
async function valueOf(given: Given, name: 'token' | 'secretId' | 'jwt'): Promise<string> {
  if (typeof given === 'string') return given
  const failure = refused('unauthenticated', { hint: `what gives auth.${name} failed, or gave no text` })
  let value: unknown
  try {
    value = await given()
  } catch (error) {
    throw explained(error, failure)
  }
  if (!isText(value)) throw new DriverFinding(failure)
  return value
}

/** A failed login is no failed call: the call itself was never sent. */
function notSent(error: unknown): unknown {
  const refusedLogin = [400, 401, 403].includes(statusOf(error) ?? 0)
  return withCircumstances(error, { failure: refusedLogin ? REFUSED : { ...classify(error), effect: 'none' } })
}
