import { Problem } from './problem.ts'
import { troubleOf, type Trouble } from './trouble.ts'

/** Throws, or does not end in time, when what it looks at is not ready. */
export type ReadinessCheck = (signal: AbortSignal) => Promise<void>

interface Failed {
  readonly name: string
  readonly trouble: Trouble
}

const KEEP_MS = 2000
const DEADLINE_MS = 5000

/** What `/readyz` says. Everyone may ask, so an answer is kept for two seconds: the store is not asked more often. */
export class Readiness {
  readonly #checks: Readonly<Record<string, ReadinessCheck>>
  #answer: { readonly at: number; readonly failed: Promise<readonly Failed[]> } | undefined

  constructor(checks: Readonly<Record<string, ReadinessCheck>>) {
    this.#checks = checks
  }

  /** @throws Problem 503 with the names of what is not ready */
  async check(): Promise<Readonly<Record<string, 'ok'>>> {
    const now = performance.now()
    if (this.#answer === undefined || now - this.#answer.at > KEEP_MS) this.#answer = { at: now, failed: this.#look() }
    const failed = await this.#answer.failed
    if (failed.length > 0) {
      const detail = `not ready: ${failed.map(({ name }) => name).join(', ')}`
      throw new Problem({ status: 503, code: 'unavailable', detail, retryAfterMs: KEEP_MS, retry: true }, failed[0]?.trouble)
    }
    return Object.fromEntries(Object.keys(this.#checks).map(name => [name, 'ok' as const]))
  }

  async #look(): Promise<readonly Failed[]> {
    const looked = Object.entries(this.#checks).map(async ([name, check]) => {
      const trouble = await troubleWith(name, check)
      return trouble === undefined ? [] : [{ name, trouble }]
    })
    return (await Promise.all(looked)).flat()
  }
}

async function troubleWith(name: string, check: ReadinessCheck): Promise<Trouble | undefined> {
  const stop = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<Trouble>(done => {
    timer = setTimeout(() => done({ kind: 'deadline_exceeded', operation: `readiness.${name}` }), DEADLINE_MS)
  })
  try {
    return await Promise.race([looked(check, stop.signal), late])
  } finally {
    clearTimeout(timer)
    stop.abort()
  }
}

async function looked(check: ReadinessCheck, signal: AbortSignal): Promise<Trouble | undefined> {
  try {
    await check(signal)
    return undefined
  } catch (error) {
    return troubleOf(error)
  }
}
