import { standardSignal, type SdkSignal } from './abort.ts'

type Listener = Parameters<SdkSignal['addEventListener']>[1]

/**
 * For authors of drivers: an `SdkSignal` that is an `instanceof AbortSignal`, for an SDK that looks for that and then only asks and listens.
 * Azure's makes a standard one of any other for each request, and watches the stream of the answer to let go of it, which is 2 % of a fast
 * `get` (`npm run bench`).
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
