import type { AccountId, Actor } from '@strongroom/core'

/** Who calls, for which account. */
export interface Caller {
  readonly account: AccountId
  readonly actor: Actor
  /** What the rate limit counts by, and the access log names: no credential. */
  readonly client: string
}

/**
 * Why there is no caller. `unauthenticated`: no credential, or a wrong one (401). `account_not_allowed`: not this account (403).
 * `account_required`: no account was selected, and there are several (422).
 */
export interface Refusal {
  readonly refused: 'unauthenticated' | 'account_not_allowed' | 'account_required'
  /** For `WWW-Authenticate`, such as `Bearer`. */
  readonly challenge?: string
}

/**
 * Says who calls. It reads the headers alone. What it throws makes the answer a 503: nobody was let in, and nobody was turned away.
 */
export type Authenticate = (request: Request) => Promise<Caller | Refusal>

/** The header that names the account. */
export const ACCOUNT_HEADER = 'x-selected-account-id'

/** The account of a request, of those that the caller may use. `*` for all. */
export function selectedAccount(request: Request, accounts: readonly string[]): { readonly account: string } | Refusal {
  const selected = request.headers.get(ACCOUNT_HEADER)
  const [only] = accounts
  if (selected === null) return only !== undefined && only !== '*' && accounts.length === 1 ? { account: only } : { refused: 'account_required' }
  return accounts.includes(selected) || accounts.includes('*') ? { account: selected } : { refused: 'account_not_allowed' }
}

/** Whether the registry takes it as an actor's id. */
export function isIdentity(text: string): boolean {
  return text.length >= 1 && text.length <= 256 && !/[\u0000-\u001f\u007f]/.test(text) && text.isWellFormed()
}

/** The first of them that knows the caller; what one refuses for another reason than an unknown caller is refused. */
export function anyOf(...ways: readonly Authenticate[]): Authenticate {
  return async request => {
    const challenges: string[] = []
    for (const way of ways) {
      const answer = await way(request)
      if (!('refused' in answer) || answer.refused !== 'unauthenticated') return answer
      if (answer.challenge !== undefined) challenges.push(answer.challenge)
    }
    return { refused: 'unauthenticated', ...(challenges.length > 0 && { challenge: challenges.join(', ') }) }
  }
}
