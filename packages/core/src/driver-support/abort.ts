import { Stop, type StopListener } from '../internal/stop.ts'
import { DriverFinding, refused } from './failure.ts'
import type { DriverCall } from '../driver.ts'
import type { Failure } from '../errors.ts'

/** For authors of drivers: what can be aborted, a call or an `AbortController`. */
export type Abortable = Pick<DriverCall, 'signal'>

/** For authors of drivers: whether the call is over. It costs less than `call.signal.aborted`, which makes a signal. */
export function isAborted(call: Abortable): boolean {
  return call instanceof Stop ? call.code !== undefined : call.signal.aborted
}

/** For authors of drivers: ends as `aborted` as soon as the call says so, with this effect; the work goes on unheard. As `SdkSignal.race`. */
export function unlessAborted<T>(work: Promise<T>, call: Abortable, effect: Failure['effect']): Promise<T> {
  if (call instanceof Stop) return work
  const signal = new SdkSignal(call)
  return signal.race(work, effect).finally(() => signal.end())
}

type Listener = (event: { readonly type: 'abort' }) => void

/**
 * For authors of drivers: a call's signal for an SDK that wants no more of it than to look at `aborted` and to be told, by `onabort`
 * or by a listener. A standard signal costs about 2 % of a fast `get` (`npm run bench`), and to listen to it as much again.
 */
export class SdkSignal {
  readonly #call: Abortable
  readonly #listeners: Listener[] = []
  #stop: (() => void) | undefined
  onabort: Listener | null = null

  constructor(call: Abortable) {
    this.#call = call
    listen(call, this)
  }

  get aborted(): boolean {
    return isAborted(this.#call)
  }

  /** The standard one, for what takes no other. */
  get standard(): AbortSignal {
    return this.#call.signal
  }

  addEventListener(_type: 'abort', listener: Listener): void {
    this.#listeners.push(listener)
  }

  removeEventListener(_type: 'abort', listener: Listener): void {
    const index = this.#listeners.indexOf(listener)
    if (index !== -1) this.#listeners.splice(index, 1)
  }

  /**
   * The end of an SDK's work that may not listen, or `aborted` with this effect, whichever comes first. One at a time. A call of core's
   * own is ended by core as soon as it is over, whatever the driver does, so that there only the work's end counts.
   */
  race<T>(work: Promise<T>, effect: Failure['effect']): Promise<T> {
    if (this.#call instanceof Stop) return work
    return new Promise((resolve, reject) => {
      this.#stop = () => reject(new DriverFinding(refused('aborted', { effect })))
      if (this.aborted) this.#stop()
      work.then(resolve, reject)
    })
  }

  /** The request is over: nothing is told any more. */
  end(): void {
    unlisten(this.#call, this)
  }

  handleEvent(): void {
    this.onabort?.({ type: 'abort' })
    for (const listener of this.#listeners.slice()) listener({ type: 'abort' })
    this.#stop?.()
  }
}

function listen(call: Abortable, listener: StopListener): void {
  if (call instanceof Stop) call.listen(listener)
  else call.signal.addEventListener('abort', listener, { once: true })
}

function unlisten(call: Abortable, listener: StopListener): void {
  if (call instanceof Stop) call.unlisten(listener)
  else call.signal.removeEventListener('abort', listener)
}
