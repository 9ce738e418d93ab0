import { readFile } from 'node:fs/promises'
import { askedOf, finding, isText, isToken, refused, Renewed, unlessFailed, withCircumstances } from '@strongroom/core/driver-support'
import type { Failure, Fields, Lasting } from '@strongroom/core/driver-support'
import { classify, statusOf } from './classify.ts'
import type { Given, VaultAuth } from './options.ts'
import { encodePath } from './paths.ts'

/** A request without retries; with a token, or without one. */
export type Ask = (request: {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly json?: object
  readonly token?: string
}) => Promise<unknown>

export interface Held extends Lasting {
  readonly renewable: boolean
  /** What the login gave; a renewal gives less when the token's last hour has come. */
  readonly fullTtlMs: number
}

// A mount without an auth method answers as a wrong secret does.
const REFUSED: Failure = refused('unauthenticated', { hint: 'the login was refused: wrong credentials, role, or mount of the auth method' })
/** What a renewal gives, beside what the login gave, when a token's greatest age is near. */
const LAST_PART = 2 / 3
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** Whether a token that was refused may be followed by another one. */
export function canLogIn(auth: VaultAuth): boolean {
  return auth.method !== 'token' || typeof auth.token === 'function'
}

/** The token of a driver: one login and one renewal at a time, however many wait for it. */
export function tokenOf(auth: VaultAuth, ask: Ask): Renewed<Held> {
  return new Renewed(async held => {
    const since = performance.now()
    return (held?.renewable === true ? await renewed(held) : undefined) ?? (await logIn())

    /** A failed login is no failed call: the call itself was never sent. */
    async function asked(request: Parameters<Ask>[0]): Promise<unknown> {
      try {
        return await ask(request)
      } catch (error) {
        const failure = [400, 401, 403].includes(statusOf(error) ?? 0) ? REFUSED : ({ ...classify(error), effect: 'none' } as const)
        throw withCircumstances(error, { failure })
      }
    }

    /** Undefined when a login is better: the server refuses, or the token's greatest age is near. */
    async function renewed({ token, fullTtlMs }: Held): Promise<Held | undefined> {
      const answer = await unlessFailed(asked({ method: 'POST', path: 'auth/token/renew-self', json: {}, token }), isRefused)
      const next = answer === undefined ? undefined : heldOf(answer, since, fullTtlMs)
      return next !== undefined && next.ttlMs < fullTtlMs * LAST_PART && canLogIn(auth) ? undefined : next
    }

    async function logIn(): Promise<Held> {
      if (auth.method !== 'token') {
        const json = await loginOf(auth)
        const begun = performance.now()
        return heldOf(await asked({ method: 'POST', path: `auth/${encodePath(auth.mount ?? auth.method)}/login`, json }), begun)
      }
      const token = await valueOf(auth.token, 'token')
      if (auth.renew !== true) return { token, since, ttlMs: Infinity, renewable: false, fullTtlMs: Infinity }
      const { data } = (await asked({ method: 'GET', path: 'auth/token/lookup-self', token })) as { readonly data?: Fields }
      return heldOf({ auth: { client_token: token, lease_duration: data?.['ttl'], renewable: data?.['renewable'] } }, since)
    }
  })
}

/** @throws DriverFinding `corrupt` */
function heldOf(answer: unknown, since: number, fullTtlMs?: number): Held {
  const { auth } = (answer ?? {}) as { readonly auth?: Fields | null }
  const { client_token: token, lease_duration: seconds, renewable } = auth ?? {}
  if (!isToken(token) || typeof seconds !== 'number' || !(seconds >= 0)) {
    throw finding('corrupt', { hint: 'the answer to the login is incomplete' })
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
function valueOf(given: Given, name: 'token' | 'secretId' | 'jwt'): Promise<string> {
  const [what, fits] = name === 'token' ? ['token without a line break', isToken] : ['text', (value: unknown): value is string => isText(value)]
  const failure = refused('unauthenticated', { hint: `what gives auth.${name} failed, gave no ${what}, or took over 10 seconds` })
  return askedOf(typeof given === 'function' ? given : () => given, fits, failure)
}

function isRefused(error: unknown): boolean {
  return [400, 403].includes(statusOf(error) ?? 0)
}
