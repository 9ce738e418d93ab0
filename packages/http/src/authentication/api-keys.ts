import { hash, timingSafeEqual } from 'node:crypto'
import { accountId, type Actor } from '@strongroom/core'
import { isIdentity, selectedAccount, type Authenticate, type Refusal } from './authenticate.ts'

/** A key that is taken, and who has it. */
export interface ApiKey {
  /** SHA-256 of the key, as 64 hexadecimal digits: a key itself stands in no configuration. */
  readonly sha256: string
  /** Who the holder of the key is. */
  readonly identity: Actor
  /** The accounts that it may select; `*` for all. */
  readonly accounts: readonly string[]
}

const CHALLENGE = 'ApiKey'
const SHA256 = /^[0-9a-f]{64}$/i
/** Of nothing at all: what `sha256sum` makes of a variable that is not set. An empty header field would be the key. */
const OF_NOTHING = hash('sha256', '')
const UNKNOWN: Refusal = { refused: 'unauthenticated', challenge: CHALLENGE }

/**
 * Callers by the key in `x-api-key`; the account in `x-selected-account-id`, which may be left out where the key has one account.
 * The digest is compared with that of every key, each in constant time.
 * @throws TypeError for a digest that is none or of no text, no account, an identity that is none, or a key that is there twice
 */
export function apiKeyAuthentication(keys: readonly ApiKey[]): Authenticate {
  const known = keys.map(({ sha256, identity, accounts }, index) => {
    if (!SHA256.test(sha256)) throw new TypeError(`keys[${index}].sha256 is 64 hexadecimal digits`)
    if (sha256.toLowerCase() === OF_NOTHING) throw new TypeError(`keys[${index}].sha256 is that of an empty text, which is no key`)
    if (!isIdentity(identity.id)) throw new TypeError(`keys[${index}].identity.id is 1 to 256 characters without control characters`)
    if (accounts.length === 0) throw new TypeError(`keys[${index}].accounts has at least one account, or *`)
    for (const account of accounts) if (account !== '*') accountId(account)
    return {
      digest: Buffer.from(sha256, 'hex'),
      actor: { id: identity.id, type: identity.type },
      accounts,
      client: `key:${sha256.slice(0, 8).toLowerCase()}`,
    }
  })
  if (new Set(known.map(({ digest }) => digest.toString('hex'))).size !== known.length) throw new TypeError('a key is there twice')
  return async request => {
    const given = request.headers.get('x-api-key')
    if (given === null) return UNKNOWN
    // By way of text: a buffer straight from the hash takes V8 several times as long, memory of its own each time.
    const digest = Buffer.from(hash('sha256', given), 'hex')
    // To the end, so that the time says nothing of where it is.
    const [found] = known.flatMap(key => (timingSafeEqual(key.digest, digest) ? [key] : []))
    if (found === undefined) return UNKNOWN
    const selected = selectedAccount(request, found.accounts)
    if ('refused' in selected) return selected
    const account = checkedAccount(selected.account)
    return account === undefined ? { refused: 'account_not_allowed' } : { account, actor: found.actor, client: found.client }
  }
}

/** Undefined for text that is no account's id. */
export function checkedAccount(text: string): ReturnType<typeof accountId> | undefined {
  try {
    return accountId(text)
  } catch {
    // Its form is what is wrong: no account has this id.
    return undefined
  }
}
