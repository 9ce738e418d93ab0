import { memoryDriver } from '@strongroom/core'
import type { DriverCall, DriverCapabilities, Failure, SecretDriver } from '@strongroom/core'

export type DriverMethod = 'create' | 'append' | 'promote' | 'read' | 'readMany' | 'versions' | 'list' | 'destroyVersion' | 'remove' | 'restore'

const METHODS: readonly DriverMethod[] = [
  'create',
  'append',
  'promote',
  'read',
  'readMany',
  'versions',
  'list',
  'destroyVersion',
  'remove',
  'restore',
]

/** A failure that the scripted driver's `classify` knows. */
export class Scripted extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super('scripted')
    this.failure = failure
  }
}

export const fails = (failure: Partial<Failure> = {}): Scripted => new Scripted({ code: 'unavailable', retryable: true, effect: 'none', ...failure })
/** Done or not done: nobody knows. */
export const lost = (failure: Partial<Failure> = {}): Scripted => fails({ effect: 'unknown', ...failure })

export interface Call {
  readonly method: DriverMethod
  readonly request: Readonly<Record<string, unknown>>
  readonly attempt: number
  readonly signal: AbortSignal
}

/** One attempt: throw (an error is thrown for you), answer in the driver's place, or let it through. */
type Script = Error | ((act: () => Promise<unknown>, call: Call) => unknown)

/** A memory driver that records its calls and follows a script, attempt by attempt; without a script it just works. */
export class ScriptedDriver {
  readonly calls: Call[] = []
  readonly memory: SecretDriver
  readonly driver: SecretDriver
  closed = 0
  readonly #scripts = new Map<DriverMethod, Script[]>()

  constructor(capabilities: Partial<DriverCapabilities> = {}, name = 'scripted') {
    this.memory = memoryDriver({ name, capabilities })
    const methods = Object.fromEntries(METHODS.map(method => [method, this.#method(method)])) as unknown as Pick<SecretDriver, DriverMethod>
    this.driver = {
      ...this.memory,
      ...methods,
      classify: error => (error instanceof Scripted ? error.failure : this.memory.classify(error)),
      close: async () => void (this.closed += 1),
    }
  }

  on(method: DriverMethod, ...scripts: readonly Script[]): this {
    this.#scripts.set(method, [...(this.#scripts.get(method) ?? []), ...scripts])
    return this
  }

  count(...methods: readonly DriverMethod[]): number {
    return this.calls.filter(({ method }) => methods.length === 0 || methods.includes(method)).length
  }

  get methods(): readonly DriverMethod[] {
    return this.calls.map(({ method }) => method)
  }

  #method(method: DriverMethod) {
    return async (request: Readonly<Record<string, unknown>>, call: DriverCall): Promise<unknown> => {
      const recorded = { method, request, attempt: call.attempt, signal: call.signal }
      this.calls.push(recorded)
      const act = (): Promise<unknown> => (this.memory[method] as (request: unknown, call: DriverCall) => Promise<unknown>)(request, call)
      const script = this.#scripts.get(method)?.shift()
      if (script === undefined) return await act()
      if (script instanceof Error) throw script
      return await script(act, recorded)
    }
  }
}

/** What the caller gets, as an error. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => {
      throw new Error('it did not fail')
    },
    (error: unknown) => error,
  )
}

/** Waits until the condition holds, for at most some seconds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 500 && !condition(); round += 1) await new Promise(resolve => setTimeout(resolve, 5))
  if (!condition()) throw new Error('it never came true')
}
