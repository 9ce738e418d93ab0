import { SecretError } from '../errors.ts'
import { accountId, secretId, type AccountId, type Actor, type SecretId } from '../words.ts'
import { checkOptions, isLine } from './checks.ts'

const PORTABLE_KEY = /^[a-z0-9-]{1,127}$/
const MAX_KEY = 255
const MAX_DESCRIPTION = 2000
const MAX_ACTOR = 256

/** @throws SecretError `invalid_argument` */
export function checkKey(operation: string, key: unknown, keys: 'portable' | 'any'): asserts key is string {
  if (keys === 'portable') {
    if (typeof key !== 'string' || !PORTABLE_KEY.test(key)) {
      throw SecretError.invalid(operation, "a key is 1 to 127 characters of a-z 0-9 - (the registry's option keys: 'any' allows more)")
    }
  } else if (!isLine(key, 1, MAX_KEY)) {
    throw SecretError.invalid(operation, `a key is well-formed text of 1 to ${MAX_KEY} characters without control characters`)
  }
}

/** @throws SecretError `invalid_argument` */
export function checkDescription(operation: string, description: unknown): void {
  if (description === null) return
  if (typeof description !== 'string' || isLonger(description, MAX_DESCRIPTION) || description.includes('\0') || !description.isWellFormed()) {
    throw SecretError.invalid(operation, `a description is null or well-formed text of at most ${MAX_DESCRIPTION} characters without NUL`)
  }
}

/** @throws SecretError `invalid_argument` */
export function checkId(operation: string, id: unknown): asserts id is SecretId {
  try {
    secretId(id as string)
  } catch {
    throw SecretError.invalid(operation, 'a secret id is 1 to 64 characters of a-z 0-9 -')
  }
}

/** A checked copy of who acts for whom. @throws SecretError `invalid_argument` */
export function checkWho(operation: string, account: AccountId, actor: Actor): { readonly account: AccountId; readonly actor: Actor } {
  checkOptions(operation, actor, ['id', 'type'], 'actor field')
  const { id, type } = actor
  if (!isLine(id, 1, MAX_ACTOR)) {
    throw SecretError.invalid(operation, `an actor's id is well-formed text of 1 to ${MAX_ACTOR} characters without control characters`)
  }
  if (type !== 'user' && type !== 'service_account') throw SecretError.invalid(operation, 'an actor’s type is user or service_account')
  return { account: accountId(account), actor: { id, type } }
}

/** In code points, as a JSON Schema counts: what the document of the HTTP API allows is allowed. */
function isLonger(text: string, most: number): boolean {
  return text.length > most && (text.length > 2 * most || Array.from(text).length > most)
}
