import type { AwsSignal } from './options.ts'

const UNHEARD_MS = 5

/** Requests too young to be worth a listener. */
const young = new Set<SdkSignal>()
let timer: NodeJS.Timeout | undefined

/**
 * A call's signal in the SDK's own, older form. To listen to a standard one, and to let the SDK do so, costs about 3 % of a fast
 * `get` (`npm run bench`), so that a request is first listened for when it has taken some milliseconds.
 */
export class SdkSignal implements AwsSignal {
  readonly #signal: AbortSignal
  onabort: AwsSignal['onabort'] = null

  constructor(signal: AbortSignal) {
    this.#signal = signal
    young.add(this)
    timer ??= setTimeout(listenToAll, UNHEARD_MS).unref()
  }

  get aborted(): boolean {
    return this.#signal.aborted
  }

  listen(): void {
    if (this.aborted) this.#abort()
    else this.#signal.addEventListener('abort', this.#abort)
  }

  /** The request is over. */
  end(): void {
    if (!young.delete(this)) this.#signal.removeEventListener('abort', this.#abort)
  }

  readonly #abort = (): void => {
    this.onabort?.({ type: 'abort' })
  }
}

function listenToAll(): void {
  timer = undefined
  for (const signal of young) signal.listen()
  young.clear()
}
