import { SecretError } from './errors.ts'
import { isOutage } from './fallback.ts'
import { checkInteger, checkOptions } from './internal/checks.ts'
import { checkSource } from './read-only.ts'
import type { GetOptions, GetOutcome, SecretSource, StoredSecret } from './secret-store.ts'
import { SecretValue } from './value.ts'
import type { CallOptions } from './words.ts'

/** How long {@link cached} answers by itself, and how much it keeps. */
export interface CacheOptions {
  /** Milliseconds for which the answer to "which version is current" may be old. A value by its version never goes stale. */
  readonly pointerTtlMs: number
  /** Default 1,000; what was used longest ago goes first. */
  readonly maxEntries?: number
  /** Bytes of values in all. Default 16 MiB. */
  readonly maxBytes?: number
  /**
   * Milliseconds past `pointerTtlMs` for which a value is still given while the backend is unavailable. A secret that was
   * changed or revoked meanwhile is still served. Default 0: never.
   */
  readonly staleIfErrorMs?: number
}

const DEFAULT_ENTRIES = 1000
const DEFAULT_BYTES = 16 * 1024 * 1024

/**
 * Keeps values in this process's memory. Each result owns its copy; what leaves the cache is overwritten. Callers who ask for
 * the same secret at the same time share one call. Closing it closes the source.
 * @throws SecretError `invalid_argument`
 */
export function cached(source: SecretSource, options: CacheOptions): SecretSource {
  const operation = 'cached'
  checkSource(operation, source)
  checkOptions(operation, options, ['pointerTtlMs', 'maxEntries', 'maxBytes', 'staleIfErrorMs'])
  const { pointerTtlMs, maxEntries = DEFAULT_ENTRIES, maxBytes = DEFAULT_BYTES, staleIfErrorMs = 0 } = options
  if (pointerTtlMs === undefined) throw SecretError.invalid(operation, 'pointerTtlMs is required: how old may a value be?')
  checkInteger(operation, 'pointerTtlMs', pointerTtlMs, 0, 24 * 3_600_000)
  checkInteger(operation, 'maxEntries', maxEntries, 1, 1_000_000)
  checkInteger(operation, 'maxBytes', maxBytes, 1, Number.MAX_SAFE_INTEGER)
  checkInteger(operation, 'staleIfErrorMs', staleIfErrorMs, 0, 24 * 3_600_000)
  return new CachedSource(source, { pointerTtlMs, maxEntries, maxBytes, staleIfErrorMs })
}

interface Entry {
  readonly secret: StoredSecret
  readonly at: number
}

class CachedSource implements SecretSource {
  readonly #source: SecretSource
  readonly #options: Required<CacheOptions>
  /** In the order of use, which a Map keeps: the first is the one used longest ago. */
  readonly #entries = new Map<string, Entry>()
  readonly #underWay = new Map<string, Promise<void>>()
  #bytes = 0
  #closed = false

  constructor(source: SecretSource, options: Required<CacheOptions>) {
    this.#source = source
    this.#options = options
  }

  async get(name: string, options: GetOptions = {}): Promise<StoredSecret> {
    this.#assertOpen('get')
    checkOptions('get', options, ['signal', 'version'])
    const { version, signal } = options
    const key = keyOf(name, version)
    const limitMs = version === undefined ? this.#options.pointerTtlMs : Number.POSITIVE_INFINITY
    const hit = this.#fresh(key, limitMs)
    if (hit !== undefined) return hit
    try {
      await untilAborted(this.#fetch(key, name, version), signal)
    } catch (error) {
      const stale = isOutage(error) ? this.#fresh(key, limitMs + this.#options.staleIfErrorMs) : undefined
      if (stale !== undefined) return stale
      throw error
    }
    // It may be too large for the cache, or have been pushed out since.
    return this.#fresh(key, Number.POSITIVE_INFINITY) ?? (await this.#source.get(name, options))
  }

  async getMany(names: readonly string[], options: CallOptions = {}): Promise<readonly GetOutcome[]> {
    this.#assertOpen('getMany')
    if (!Array.isArray(names)) throw SecretError.invalid('getMany', 'names are an array of strings')
    const { pointerTtlMs, staleIfErrorMs } = this.#options
    const found = names.map(name => this.#fresh(keyOf(name), pointerTtlMs))
    const missing = found.flatMap((secret, index) => (secret === undefined ? [index] : []))
    const asked =
      missing.length === 0
        ? []
        : await this.#source.getMany(
            missing.map(index => names[index] as string),
            options,
          )
    const answers = new Map(missing.map((index, position) => [index, asked[position] as GetOutcome]))
    return names.map((name, index): GetOutcome => {
      const hit = found[index]
      if (hit !== undefined) return { name, ok: true, secret: hit }
      const outcome = answers.get(index) as GetOutcome
      if (outcome.ok) {
        this.#keep(keyOf(name), outcome.secret)
        return outcome
      }
      const stale = isOutage(outcome.error) ? this.#fresh(keyOf(name), pointerTtlMs + staleIfErrorMs) : undefined
      return stale === undefined ? outcome : { name, ok: true, secret: stale }
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const key of this.#entries.keys()) this.#drop(key)
    await this.#source.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** One call for all who wait. It has no caller's signal: one who gives up does not end it for the others. */
  #fetch(key: string, name: string, version: GetOptions['version']): Promise<void> {
    const running = this.#underWay.get(key)
    if (running !== undefined) return running
    const fetched = (async () => {
      try {
        const secret = await this.#source.get(name, version === undefined ? {} : { version })
        this.#keep(key, secret)
        secret.value[Symbol.dispose]()
      } finally {
        this.#underWay.delete(key)
      }
    })()
    fetched.catch(() => {}) // everyone who waited may have given up
    this.#underWay.set(key, fetched)
    return fetched
  }

  #fresh(key: string, limitMs: number): StoredSecret | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || performance.now() - entry.at >= limitMs) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return copyOf(entry.secret)
  }

  #keep(key: string, secret: StoredSecret): void {
    this.#drop(key)
    const { maxBytes, maxEntries } = this.#options
    if (this.#closed || secret.value.byteLength > maxBytes) return
    this.#entries.set(key, { secret: copyOf(secret), at: performance.now() })
    this.#bytes += secret.value.byteLength
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= maxBytes && this.#entries.size <= maxEntries) return
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= entry.secret.value.byteLength
    entry.secret.value[Symbol.dispose]()
  }

  #assertOpen(operation: string): void {
    if (this.#closed) throw SecretError.refused('closed', operation)
  }
}

/** No name has a NUL, so the two cannot be confused. */
function keyOf(name: string, version: string = ''): string {
  return `${name}\0${version}`
}

function copyOf(secret: StoredSecret): StoredSecret {
  return { ...secret, value: SecretValue.from(secret.value) }
}

async function untilAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return await work
  const aborted = SecretError.refused('aborted', 'get')
  if (signal.aborted) throw aborted
  let stop: () => void = () => {}
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(aborted)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    await Promise.race([work, stopped])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
