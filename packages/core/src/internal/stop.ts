import type { Failure } from '../errors.ts'
import { addDeadline, removeDeadline } from './deadlines.ts'

/** The caller's signal and the deadline as one signal, which also ends a call whose driver does not listen. */
export class Stop {
  readonly #caller: AbortSignal | undefined
  readonly deadlineAt: number
  #controller: AbortController | undefined
  #reject: ((error: Error) => void) | undefined
  code: 'aborted' | 'deadline_exceeded' | undefined

  constructor(caller: AbortSignal | undefined, withinMs: number) {
    this.#caller = caller
    this.deadlineAt = performance.now() + withinMs
    if (withinMs <= 0) this.stop('deadline_exceeded')
    else addDeadline(this)
    if (caller === undefined) return
    if (caller.aborted) this.stop('aborted')
    else caller.addEventListener('abort', this.#onAbort, { once: true })
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.code !== undefined) this.#controller.abort(reasonOf(this.code))
    }
    return this.#controller.signal
  }

  failure(sent: boolean): Failure {
    const code = this.code ?? 'aborted'
    return { code, retryable: code === 'deadline_exceeded', effect: sent ? 'unknown' : 'none' }
  }

  /** The work's own end, or the stop, whichever comes first. One at a time. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      if (this.code !== undefined) reject(reasonOf(this.code))
      work.then(resolve, reject)
    })
  }

  /** The call is over: nothing of this may fire any more. */
  end(): void {
    removeDeadline(this)
    this.#caller?.removeEventListener('abort', this.#onAbort)
  }

  expire(): void {
    this.stop('deadline_exceeded')
  }

  stop(code: 'aborted' | 'deadline_exceeded'): void {
    if (this.code !== undefined) return
    this.code = code
    const reason = reasonOf(code)
    this.#controller?.abort(reason)
    this.#reject?.(reason)
  }

  readonly #onAbort = (): void => this.stop('aborted')
}

function reasonOf(code: string): Error {
  const reason = new Error(code)
  reason.name = 'AbortError'
  return reason
}
