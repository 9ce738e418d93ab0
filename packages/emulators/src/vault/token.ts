import { randomBytes } from 'node:crypto'
import { timeOf } from './views.ts'

export const SYSTEM_MAX_MS: number = 32 * 86_400_000

/** A token that the server knows. */
export interface Token {
  readonly id: string
  readonly accessor: string
  readonly displayName: string
  readonly path: string
  readonly entityId: string
  readonly policies: readonly string[]
  readonly metadata: Readonly<Record<string, string>> | null
  /** The token that made it; undefined for an orphan. */
  readonly parent: string | undefined
  readonly issuedAt: number
  /** Infinite for one that never ends. */
  readonly ttlMs: number
  readonly maxMs: number
  readonly explicitMaxMs: number
  readonly periodMs: number
  readonly renewable: boolean
  /** What a renewal gives that does not say how much. */
  leaseMs: number
  expiresAt: number
  renewedAt: number | undefined
  revoked: boolean
}

export type NewToken = Partial<Token> & Pick<Token, 'policies' | 'ttlMs' | 'renewable'>

export function newToken(prefix: string, issuedAt: number, given: NewToken): Token {
  return {
    id: `${prefix}${randomBytes(18).toString('hex')}`,
    accessor: randomBytes(12).toString('hex'),
    displayName: 'token',
    path: 'auth/token/create',
    metadata: null,
    entityId: '',
    parent: undefined,
    maxMs: SYSTEM_MAX_MS,
    explicitMaxMs: 0,
    periodMs: 0,
    ...given,
    issuedAt,
    leaseMs: given.ttlMs,
    expiresAt: issuedAt + given.ttlMs,
    renewedAt: undefined,
    revoked: false,
  }
}

/** What a login, a creation and a renewal answer about it. */
export function authView(token: Token, now: number): object {
  return {
    client_token: token.id,
    accessor: token.accessor,
    policies: token.policies,
    token_policies: token.policies,
    metadata: token.metadata,
    lease_duration: secondsLeft(token, now),
    renewable: token.renewable,
    entity_id: token.entityId,
    token_type: 'service',
    orphan: token.parent === undefined,
    mfa_requirement: null,
    num_uses: 0,
  }
}

/** What `lookup-self` answers. */
export function lookupView(token: Token, now: number): object {
  const ends = Number.isFinite(token.ttlMs)
  const { renewedAt } = token
  const renewal = renewedAt === undefined ? {} : { last_renewal: timeOf(renewedAt), last_renewal_time: Math.floor(renewedAt / 1_000) }
  return {
    accessor: token.accessor,
    creation_time: Math.floor(token.issuedAt / 1_000),
    creation_ttl: ends ? Math.round(token.ttlMs / 1_000) : 0,
    display_name: token.displayName,
    entity_id: token.entityId,
    expire_time: ends ? timeOf(token.expiresAt) : null,
    explicit_max_ttl: token.explicitMaxMs / 1_000,
    id: token.id,
    issue_time: timeOf(token.issuedAt),
    ...renewal,
    meta: token.metadata,
    num_uses: 0,
    orphan: token.parent === undefined,
    path: token.path,
    ...(token.periodMs > 0 ? { period: token.periodMs / 1_000 } : {}),
    policies: token.policies,
    renewable: token.renewable,
    ttl: secondsLeft(token, now),
    type: 'service',
  }
}

function secondsLeft({ expiresAt }: Token, now: number): number {
  return Number.isFinite(expiresAt) ? Math.round((expiresAt - now) / 1_000) : 0
}
