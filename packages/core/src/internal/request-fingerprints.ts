import type { KeyObject } from 'node:crypto'
import type { Payload } from '../driver.ts'
import { SecretError } from '../errors.ts'
import type { IdempotentRequest } from '../metadata-requests.ts'
import type { AccountId, Actor, IfRevision } from '../words.ts'
import { crypto } from './crypto.ts'

const KEEP_MS = 24 * 3_600_000
const MIN_KEY_BYTES = 32
const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/

/** Part of what is compared; what is absent is told apart from null, and text from binary. */
type Part = string | null | undefined | Payload

/** What a caller asks for, beside who asks. */
interface Asked {
  readonly operation: 'create' | 'update'
  /** The key of a create, the secret's id of an update. */
  readonly target: string
  readonly description: string | null | undefined
  readonly value: Payload | undefined
  readonly ifRevision: IfRevision | undefined
}

/**
 * Makes of an idempotency key, and of the request that came with it, what the database may know of them: HMACs under keys that
 * it never sees. Neither the caller's key nor a value can be guessed from them by who has only the database.
 */
export class RequestFingerprints {
  readonly #registry: string
  readonly #keys: readonly KeyObject[]

  /** @throws SecretError `invalid_argument` */
  constructor(operation: string, registry: string, keys: unknown) {
    if (keys !== undefined && !isKeys(keys)) {
      throw SecretError.invalid(operation, `requestKeys are one or more Uint8Arrays of at least ${MIN_KEY_BYTES} bytes`)
    }
    this.#registry = registry
    this.#keys = (keys ?? []).map(key => crypto().createSecretKey(key)) // a copy
  }

  /** @throws SecretError `invalid_argument`; `misconfigured` when the registry has no keys to make fingerprints with */
  check(operation: string, idempotencyKey: unknown): void {
    if (idempotencyKey === undefined) return
    if (typeof idempotencyKey !== 'string' || !IDEMPOTENCY_KEY.test(idempotencyKey)) {
      throw SecretError.invalid(operation, 'idempotencyKey is 1 to 255 printable ASCII characters')
    }
    if (this.#keys.length > 0) return
    throw SecretError.refused('misconfigured', operation, { hint: 'idempotencyKey needs the registry’s option requestKeys; nothing was done' })
  }

  /** Undefined without an idempotency key. The value's bytes are read and not kept. */
  of(
    { account, actor }: { readonly account: AccountId; readonly actor: Actor },
    idempotencyKey: string | undefined,
    { operation, target, description, value, ifRevision }: Asked,
  ): IdempotentRequest | undefined {
    if (idempotencyKey === undefined) return undefined
    const scope = [this.#registry, account, actor.type, actor.id, idempotencyKey]
    // The idempotency key is in the fingerprint too, so that two writes of one value have nothing in common.
    const asked = [...scope, operation, target, description, value, ifRevision === undefined ? undefined : String(ifRevision)]
    return {
      ids: this.#keys.map(key => hmac(key, ['strongroom request id v1', ...scope])),
      fingerprints: this.#keys.map(key => hmac(key, ['strongroom request fingerprint v1', ...asked])),
      keepMs: KEEP_MS,
    }
  }
}

function isKeys(keys: unknown): keys is readonly Uint8Array[] {
  return Array.isArray(keys) && keys.length > 0 && keys.every(key => key instanceof Uint8Array && key.byteLength >= MIN_KEY_BYTES)
}

/** Of the parts, each after its kind and length, so that no two lists have the same bytes. */
function hmac(key: KeyObject, parts: readonly Part[]): string {
  const made = crypto().createHmac('sha256', key)
  for (const part of parts) {
    const { kind, bytes } = encoded(part)
    const head = Buffer.alloc(5)
    head.writeUInt8(kind)
    head.writeUInt32BE(bytes.byteLength, 1)
    made.update(head).update(bytes)
  }
  return made.digest('base64url')
}

function encoded(part: Part): { readonly kind: number; readonly bytes: Uint8Array } {
  if (part === undefined) return { kind: 0, bytes: new Uint8Array() }
  if (part === null) return { kind: 1, bytes: new Uint8Array() }
  if (typeof part === 'object') return { kind: part.text ? 2 : 3, bytes: part.bytes }
  return { kind: 2, bytes: Buffer.from(part) }
}
