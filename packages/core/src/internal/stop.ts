import type { DriverCall } from '../driver.ts'
import type { Failure } from '../errors.ts'
import { addDeadline, removeDeadline } from './deadlines.ts'
import { traceparentIn } from './traceparent.ts'

type AbortListener = (event: Event) => void

/** What SDKs want of a signal: to look at it, and to be told by `onabort` or by a listener. A standard signal is one. */
export interface SdkSignal {
  readonly aborted: boolean
  onabort: AbortListener | null
  addEventListener(type: 'abort', listener: AbortListener): void
  removeEventListener(type: 'abort', listener: AbortListener): void
}

/**
 * The caller's signal and the deadline as one, which also ends a call whose driver does not listen. It is what a driver gets as its
 * call, and an SDK as its signal: a standard one is made only where it is asked for, since to make one and to listen to it is a
 * measurable part of a fast `get`.
 */
export class Stop implements DriverCall, SdkSignal {
  readonly #caller: AbortSignal | undefined
  readonly deadlineAt: number
  place: number | undefined
  attempt = 1
  code: 'aborted' | 'deadline_exceeded' | undefined
  #controller: AbortController | undefined
  /** What is to be told first, once: the work goes on unheard. */
  onStop: ((reason: Error) => void) | undefined
  #listeners: AbortListener[] | undefined
  onabort: AbortListener | null = null

  constructor(caller: AbortSignal | undefined, withinMs: number) {
    this.#caller = caller
    this.deadlineAt = performance.now() + withinMs
    if (withinMs <= 0) this.stop('deadline_exceeded')
    else addDeadline(this)
    if (caller === undefined) return
    if (caller.aborted) this.stop('aborted')
    else caller.addEventListener('abort', this, { once: true })
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.code !== undefined) this.#controller.abort(reasonOf(this.code))
    }
    return this.#controller.signal
  }

  /** The trace that the caller's signal names. */
  get traceparent(): string | undefined {
    return traceparentIn(this.#caller)
  }

  failure(sent: boolean): Failure {
    const code = this.code ?? 'aborted'
    return { code, retryable: code === 'deadline_exceeded', effect: sent ? 'unknown' : 'none' }
  }

  /** The work's own end, or the stop, whichever comes first. One at a time, and none after the stop. */
  race<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.onStop = reject
      try {
        work().then(resolve, reject)
      } catch (error) {
        reject(error) // of a driver whose method is no async function
      }
    })
  }

  get aborted(): boolean {
    return this.code !== undefined
  }

  addEventListener(_type: 'abort', listener: AbortListener): void {
    ;(this.#listeners ??= []).push(listener)
  }

  removeEventListener(_type: 'abort', listener: AbortListener): void {
    const index = this.#listeners?.lastIndexOf(listener) ?? -1
    if (index !== -1) this.#listeners?.splice(index, 1)
  }

  /** The call is over: nothing of this may fire any more. */
  end(): void {
    removeDeadline(this)
    this.#caller?.removeEventListener('abort', this)
  }

  expire(): void {
    this.stop('deadline_exceeded')
  }

  stop(code: 'aborted' | 'deadline_exceeded'): void {
    if (this.code !== undefined) return
    this.code = code
    const reason = reasonOf(code)
    this.#controller?.abort(reason)
    const event = new Event('abort')
    for (const listener of [this.onabort, ...(this.#listeners?.splice(0) ?? [])]) {
      try {
        listener?.(event)
      } catch {
        // An SDK's listener that fails ends neither the others nor this call, as with a standard signal.
      }
    }
    this.onStop?.(reason)
  }

  /** The caller's signal has aborted. */
  handleEvent(): void {
    this.stop('aborted')
  }
}

export function itself<T>(answer: T): T {
  return answer
}

function reasonOf(code: string): Error {
  const reason = new Error(code)
  reason.name = 'AbortError'
  return reason
}
