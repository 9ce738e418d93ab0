import { randomUUID } from 'node:crypto'
import type { Controls } from '../shared/controls.ts'
import type { WireAnswer } from '../shared/http-server.ts'
import { answer, NONE, type Flavour } from './answers.ts'
import { BadRequest, boolOf, secondsOf, shortDuration, type Fields } from './fields.ts'
import type { Login } from './logins.ts'
import { authView, lookupView, newToken, SYSTEM_MAX_MS, type NewToken, type Token } from './token.ts'

const ENDLESS = { ttlMs: Number.POSITIVE_INFINITY, renewable: false }
/** What a token may do without any policy of its own, as by the policy `default`. */
const SELF: ReadonlySet<string> = new Set(['LookupSelf', 'RenewSelf', 'RevokeSelf'])

/** What a token is good for, and how long: milliseconds by the emulator’s clock. */
export interface TokenOptions {
  /** Default: 32 days. */
  readonly ttlMs?: number | undefined
  /** Renewals end here, counted from the token's start; default: 32 days. */
  readonly maxTtlMs?: number | undefined
  /** Default: true. */
  readonly renewable?: boolean | undefined
  /** What it may do, as the journal names it; default: everything. */
  readonly operations?: readonly string[] | undefined
  /** For `lookup-self` only; default: `['default']`. */
  readonly policies?: readonly string[] | undefined
}

export interface AuthCall {
  readonly token: string
  readonly fields: Fields
}

/** The tokens that the emulator gave out. What they may do is told to the controls. */
export class Tokens {
  readonly #flavour: Flavour
  readonly #controls: Controls
  readonly #tokens = new Map<string, Token>()

  constructor(flavour: Flavour, controls: Controls, rootToken: string) {
    this.#flavour = flavour
    this.#controls = controls
    this.#issue({ ...ENDLESS, id: rootToken, policies: ['root'] })
  }

  /** A new token, as if somebody had logged in. */
  create(options: TokenOptions): string {
    return this.#issue(lifeOf(options), options.operations).id
  }

  /** What a login answers. */
  loggedIn({ role, path, displayName, metadata }: Login): WireAnswer {
    return this.#answer(this.#issue({ ...lifeOf(role), path, displayName, metadata, entityId: randomUUID() }, role.operations))
  }

  access(token: string | undefined, operation: string): 'allowed' | 'denied' | 'unauthenticated' {
    const known = this.#tokens.get(token ?? '')
    if (known !== undefined && (known.revoked || this.#now() >= known.expiresAt)) return 'unauthenticated'
    // A token ends with the one that made it, and may do no more.
    const above = known?.parent === undefined ? 'allowed' : this.access(known.parent, operation)
    if (above !== 'allowed') return above
    const access = this.#controls.accessOf(token, operation)
    return access === 'denied' && SELF.has(operation) ? 'allowed' : access
  }

  readonly operations: Readonly<Record<string, (call: AuthCall) => WireAnswer>> = {
    LookupSelf: ({ token }) => answer(this.#flavour, 200, { data: lookupView(this.#record(token), this.#now()), mountType: 'token' }),
    RenewSelf: ({ token, fields }) => this.#renew(this.#record(token), fields),
    RevokeSelf: ({ token }) => {
      this.#record(token).revoked = true
      return NONE
    },
    CreateToken: ({ token, fields }) => this.#child(this.#record(token), fields),
  }

  #child(parent: Token, fields: Fields): WireAnswer {
    const [ttl, explicitMaxMs, periodMs] = [msIn(fields, 'ttl'), msIn(fields, 'explicit_max_ttl'), msIn(fields, 'period')]
    const wanted = Array.isArray(fields['policies']) ? fields['policies'].map(String) : undefined
    const policies = wanted === undefined ? parent.policies : wanted.includes('root') ? ['root'] : [...new Set(['default', ...wanted])].toSorted()
    const endless = policies.includes('root') && ttl === 0 && periodMs === 0 && explicitMaxMs === 0
    const maxMs = explicitMaxMs || (periodMs > 0 ? Number.POSITIVE_INFINITY : SYSTEM_MAX_MS)
    const life = { ttlMs: Math.min(periodMs || ttl || SYSTEM_MAX_MS, maxMs), renewable: boolOf(fields, 'renewable') ?? true }
    const child = this.#issue({
      ...(endless ? ENDLESS : life),
      policies,
      maxMs,
      explicitMaxMs,
      periodMs,
      parent: boolOf(fields, 'no_parent') === true ? undefined : parent.id,
      metadata: typeof fields['meta'] === 'object' ? (fields['meta'] as Record<string, string> | null) : null,
      displayName: typeof fields['display_name'] === 'string' ? `token-${fields['display_name']}` : 'token',
    })
    return this.#answer(child, periodMs === 0 && ttl > maxMs ? [cappedWarning(ttl, maxMs)] : [])
  }

  #renew(token: Token, fields: Fields): WireAnswer {
    const increment = (secondsOf(fields, 'increment') ?? 0) * 1_000
    if (!token.renewable) throw new BadRequest('lease is not renewable')
    const now = this.#now()
    const wanted = token.periodMs || increment || token.leaseMs
    const most = Math.round((token.issuedAt + token.maxMs - now) / 1_000) * 1_000
    const leaseMs = Math.min(wanted, most)
    token.expiresAt = now + leaseMs
    token.renewedAt = now
    if (token.path === 'auth/token/create') token.leaseMs = leaseMs // a login's token asks its role again
    return this.#answer(token, wanted > most ? [cappedWarning(wanted, most)] : [])
  }

  #issue(given: NewToken, operations?: readonly string[]): Token {
    const token = this.#note(given)
    this.#controls.permit(token.id, { operations })
    return token
  }

  #note(given: NewToken): Token {
    const token = newToken(this.#flavour === 'openbao' ? 's.' : 'hvs.', this.#now(), given)
    this.#tokens.set(token.id, token)
    return token
  }

  /** One that only `permit` knows gets a record such as a token without an end has. */
  #record(id: string): Token {
    return this.#tokens.get(id) ?? this.#note({ ...ENDLESS, id, policies: ['default'] })
  }

  #now(): number {
    return this.#controls.clock.now()
  }

  #answer(token: Token, warnings: readonly string[] = []): WireAnswer {
    return answer(this.#flavour, 200, { auth: authView(token, this.#now()), warnings, mountType: '' })
  }
}

function lifeOf({ ttlMs = SYSTEM_MAX_MS, maxTtlMs = SYSTEM_MAX_MS, renewable = true, policies = ['default'] }: TokenOptions): NewToken {
  return { ttlMs: Math.min(ttlMs, maxTtlMs), maxMs: maxTtlMs, renewable, policies }
}

/** As `secondsOf`, but here the server does not say which field it means. */
function msIn(fields: Fields, name: string): number {
  try {
    return (secondsOf(fields, name) ?? 0) * 1_000
  } catch (error) {
    if (error instanceof BadRequest) throw new BadRequest(error.message.replace(/^error converting input for field "\w+": /, ''))
    throw error
  }
}

function cappedWarning(wantedMs: number, maxMs: number): string {
  const [wanted, most] = [wantedMs, maxMs].map(ms => shortDuration(ms / 1_000))
  return `TTL of "${wanted}" exceeded the effective max_ttl of "${most}"; TTL value is capped accordingly`
}
