import { standardSignal, type SdkSignal } from '@strongroom/core'

type Listener = Parameters<SdkSignal['addEventListener']>[1]

/**
 * A signal that the SDK takes for a standard one. Of any other it makes one for each request, and watches the stream of the answer to
 * let go of it again, which is 2 % of a fast `get`; all that it does with one is to look and to listen.
 */
export class LentSignal {
  readonly #lender: SdkSignal

  constructor(lender: SdkSignal) {
    this.#lender = lender
  }

  get aborted(): boolean {
    return this.#lender.aborted
  }

  addEventListener(type: 'abort', listener: Listener): void {
    this.#lender.addEventListener(type, listener)
  }

  removeEventListener(type: 'abort', listener: Listener): void {
    this.#lender.removeEventListener(type, listener)
  }

  /** For those who need more of it. */
  standard(): AbortSignal {
    return standardSignal(this.#lender)
  }
}

Object.setPrototypeOf(LentSignal.prototype, AbortSignal.prototype)
