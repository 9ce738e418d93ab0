import type { MetadataStore, SecretDriver } from '@strongroom/core'
import { changed } from '@strongroom/testbed'
import { unanswered } from './lost-answers.ts'
import type { Job } from './messages.ts'

/** The answer of a backend that did not arrive. */
class LostAnswer extends Error {}

/**
 * The failpoints: before, inside and after every call that the write protocol makes of driver and database. They are in what the
 * child hands to the registry, so that the library has none.
 */
export class Failpoints {
  readonly steps: string[] = []
  #armed = false
  #inside = false
  readonly #fault: Job['fault']
  readonly #sleep: () => Promise<void>

  constructor(fault: Job['fault'], sleep: () => Promise<void>) {
    this.#fault = fault
    this.#sleep = sleep
  }

  arm(armed: boolean): void {
    this.#armed = armed
  }

  /** For the database: called inside its transactions. */
  readonly insideTransaction = (): void => {
    if (this.#inside) die()
  }

  metadata(store: MetadataStore): MetadataStore {
    return this.#around('metadata', store)
  }

  /** `as`: how its steps are called. */
  driver(driver: SecretDriver, as = 'driver'): SecretDriver {
    const classify: SecretDriver['classify'] = error =>
      error instanceof LostAnswer ? { code: 'unavailable', retryable: true, effect: 'unknown' } : driver.classify(error)
    return this.#around(as, changed(driver, { classify }))
  }

  #around<Part extends object>(target: string, part: Part): Part {
    const plain = new Set<string | symbol>(['classify', 'close'])
    return new Proxy(part, {
      get: (source, name) => {
        const value: unknown = Reflect.get(source, name)
        if (typeof value !== 'function' || plain.has(name)) return value
        return (...parameters: unknown[]) =>
          this.#call(`${target}.${String(name)}`, () => Reflect.apply(value, source, parameters) as Promise<unknown>)
      },
    })
  }

  async #call(step: string, call: () => Promise<unknown>): Promise<unknown> {
    const first = this.#armed && !this.steps.includes(step)
    if (this.#armed) this.steps.push(step)
    const how = this.#fault?.step === step ? this.#fault.how : undefined
    // After one that is answered: a put that is refused, since there is a newer version, is made again.
    const everyTime = how === 'ambiguous for good' || how === 'killed after'
    if (!this.#armed || (!first && !everyTime)) return await call()
    switch (how) {
      case undefined:
        return await call()
      case 'killed before':
        return die()
      case 'killed inside':
        this.#inside = true
        return await call()
      case 'killed after':
        await call()
        return die()
      case 'answer lost':
        await call()
        throw new LostAnswer()
      case 'ambiguous, committed':
      case 'ambiguous for good':
        return await unanswered(true, call)
      case 'ambiguous, not committed':
        return await unanswered(false, call)
      case 'asleep past the lease before':
      case 'asleep past the horizon before':
        await this.#sleep()
        return await call()
    }
  }
}

/** A real death: nothing of this process goes on. */
export function die(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('SIGKILL is not answered')
}
