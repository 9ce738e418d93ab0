import { Controls, type Permission } from '../shared/controls.ts'
import { errorCodeOf } from './errors.ts'

/** The controls, and what only AWS tells apart: a credential that nobody knows from one that has expired. */
export class AwsControls extends Controls {
  readonly #ends = new Map<string, number>()

  constructor() {
    super(errorCodeOf)
  }

  override permit(credential: string, permission: Permission = {}): void {
    super.permit(credential, permission)
    this.#ends.set(credential, this.clock.now() + (permission.expiresInMs ?? Number.POSITIVE_INFINITY))
  }

  hasExpired(credential: string): boolean {
    return this.clock.now() >= (this.#ends.get(credential) ?? Number.POSITIVE_INFINITY)
  }
}
