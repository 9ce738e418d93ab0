import type { Failure } from '../errors.ts'

/** The caller's signal and the deadline as one signal, which also ends a call whose driver does not listen. */
export class Stop {
  readonly #controller = new AbortController()
  readonly #caller: AbortSignal | undefined
  readonly #timer: NodeJS.Timeout
  readonly #stopped: Promise<never>
  #reject: (error: Error) => void = () => {}
  code: 'aborted' | 'deadline_exceeded' | undefined

  constructor(caller: AbortSignal | undefined, withinMs: number) {
    this.#caller = caller
    this.#stopped = new Promise<never>((_, reject) => {
      this.#reject = reject
    })
    this.#stopped.catch(() => {}) // it may reject when no call is waiting
    this.#timer = setTimeout(() => this.#stop('deadline_exceeded'), Math.max(0, withinMs))
    if (withinMs <= 0) this.#stop('deadline_exceeded')
    if (caller?.aborted === true) this.#stop('aborted')
    else caller?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  failure(sent: boolean): Failure {
    const code = this.code ?? 'aborted'
    return { code, retryable: code === 'deadline_exceeded', effect: sent ? 'unknown' : 'none' }
  }

  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#stopped])
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#caller?.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => this.#stop('aborted')

  #stop(code: 'aborted' | 'deadline_exceeded'): void {
    if (this.code !== undefined) return
    this.code = code
    const reason = new Error(code)
    reason.name = 'AbortError'
    this.#controller.abort(reason)
    this.#reject(reason)
  }
}
