import type { errors, JWTPayload, JWTVerifyGetKey } from 'jose'
import { checkedAccount } from './api-keys.ts'
import { isIdentity, selectedAccount, type Authenticate, type Refusal } from './authenticate.ts'

/** Which tokens are taken, and what is read from them. */
export interface JwtOptions {
  /** Where the issuer publishes its keys (RFC 7517); or what gives the key of a token, such as jose's `createLocalJWKSet`. */
  readonly jwks: string | URL | JWTVerifyGetKey
  readonly issuer: string
  readonly audience: string
  /** The claim with the account, or the list of accounts; `accounts` by default. */
  readonly accountsClaim?: string | undefined
  /** The claim that is `service_account` for one; `identity_type` by default. Anyone else is a user. */
  readonly typeClaim?: string | undefined
  /** The algorithms that are taken; RS256, ES256 and EdDSA by default. Never a symmetric one, whose key would be public. */
  readonly algorithms?: readonly string[] | undefined
  /** Seconds by which the clocks may differ; 5 by default. */
  readonly clockToleranceSeconds?: number | undefined
}

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const
const UNKNOWN: Refusal = { refused: 'unauthenticated', challenge: 'Bearer' }
const WRONG: Refusal = { refused: 'unauthenticated', challenge: 'Bearer error="invalid_token"' }

/**
 * Callers by the token in `Authorization: Bearer`, verified by the issuer's keys: its `sub` is the identity, its accounts are those that
 * may be selected. `exp` is required. When the keys cannot be had, it throws.
 * @throws TypeError for a symmetric algorithm; without an issuer or an audience, since anyone's tokens would do
 */
export function jwtAuthentication(options: JwtOptions): Authenticate {
  const { issuer, audience, accountsClaim = 'accounts', typeClaim = 'identity_type', algorithms = ALGORITHMS, clockToleranceSeconds = 5 } = options
  if (algorithms.some(algorithm => /^(?:HS|none)/i.test(algorithm))) throw new TypeError('algorithms are asymmetric')
  for (const [name, text] of Object.entries({ issuer, audience })) {
    // A variable of the environment that is not set, say: jose would leave out the check.
    if (typeof text !== 'string' || text === '') throw new TypeError(`${name} is required: text`)
  }
  const url = typeof options.jwks === 'function' ? undefined : new URL(options.jwks)
  let key: JWTVerifyGetKey | undefined = typeof options.jwks === 'function' ? options.jwks : undefined
  const checks = { issuer, audience, algorithms: [...algorithms], requiredClaims: ['sub', 'exp'], clockTolerance: clockToleranceSeconds }
  return async request => {
    const [, token] = /^bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.headers.get('authorization') ?? '') ?? []
    if (token === undefined) return UNKNOWN
    // Loaded by the first token: who has none starts without it.
    const jose = await import('jose')
    if (url !== undefined) key ??= jose.createRemoteJWKSet(url)
    if (key === undefined) return UNKNOWN
    let payload: JWTPayload
    try {
      payload = (await jose.jwtVerify(token, key, checks)).payload
    } catch (error) {
      if (error instanceof jose.errors.JOSEError && !isOfKeys(error)) return WRONG
      throw error
    }
    const { sub } = payload
    if (typeof sub !== 'string' || !isIdentity(sub)) return WRONG
    const selected = selectedAccount(request, accountsOf(payload[accountsClaim]))
    if ('refused' in selected) return selected
    const account = checkedAccount(selected.account)
    if (account === undefined) return { refused: 'account_not_allowed' }
    return { account, actor: { id: sub, type: payload[typeClaim] === 'service_account' ? 'service_account' : 'user' }, client: `jwt:${sub}` }
  }
}

/** A generic error of jose: the keys could not be fetched, or are not a JWKS. */
function isOfKeys({ code }: errors.JOSEError): boolean {
  return code === 'ERR_JOSE_GENERIC' || code === 'ERR_JWKS_INVALID' || code === 'ERR_JWKS_TIMEOUT'
}

function accountsOf(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return [claim]
  return Array.isArray(claim) ? claim.filter(account => typeof account === 'string') : []
}
