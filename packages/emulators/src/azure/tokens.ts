import { randomBytes } from 'node:crypto'
import type { Controls } from '../shared/controls.ts'
import { Refusal } from './errors.ts'

export interface TokenOptions {
  /** For how long from now it is good, in milliseconds by the emulator's clock; default: an hour. */
  readonly expiresInMs?: number | undefined
}

const HOUR = 3_600_000
const DEFAULT_PRINCIPAL = 'emulator-user'

/** The bearer tokens that this vault knows, and who each stands for. */
export class Tokens {
  readonly #controls: Controls
  readonly #vaultName: string
  readonly #issued = new Map<string, { readonly principal: string; readonly until: number }>()

  constructor(controls: Controls, vaultName: string) {
    this.#controls = controls
    this.#vaultName = vaultName
  }

  issue(principal: string = DEFAULT_PRINCIPAL, { expiresInMs = HOUR }: TokenOptions = {}): string {
    const token = randomBytes(24).toString('base64url')
    this.#issued.set(token, { principal, until: this.#controls.clock.now() + expiresInMs })
    return token
  }

  /**
   * What was permitted to the token goes before what was permitted to its principal.
   * @throws Refusal unless the header has a token that is known, still good and may do that
   */
  check(authorization: string | undefined, operation: string): void {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) throw new Refusal('Unauthorized')
    const known = this.#issued.get(token)
    if (known === undefined) throw new Refusal('Unauthorized', 'AKV10046: Unable to resolve the key used for signature validation.')
    const own = this.#controls.accessOf(token, operation)
    const access = own === 'unauthenticated' ? this.#controls.accessOf(known.principal, operation) : own
    const expired = this.#controls.clock.now() >= known.until
    if (expired || access === 'unauthenticated') throw new Refusal('Unauthorized', 'Error validating token: IDX10223')
    if (access === 'denied') throw this.#denied(known.principal, operation)
  }

  #denied(principal: string, operation: string): Refusal {
    return new Refusal(
      'ForbiddenByRbac',
      [
        'Caller is not authorized to perform action on resource.',
        'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.',
        `Caller: oid=${principal}`,
        `Action: '${operation}'`,
        'Assignment: (not found)',
        `Vault: ${this.#vaultName};location=emulator`,
      ].join('\r\n'),
    )
  }
}
