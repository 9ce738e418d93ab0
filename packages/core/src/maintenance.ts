import { SecretError } from './errors.ts'
import { sleep } from './internal/backoff.ts'
import { checkFunction, checkInteger, checkOptions } from './internal/checks.ts'
import type { MaintenanceReport, SecretRegistry } from './registry.ts'

/** How often there is a pass of upkeep, how large it is, and who is told. */
export interface MaintenanceOptions {
  /** Milliseconds from the end of one pass to the start of the next; 30,000 by default. A pass that leaves `more` is followed at once. */
  readonly intervalMs?: number
  /** As in `maintain`. */
  readonly maxItems?: number
  /** What a pass did, told after each. */
  readonly onReport?: (report: MaintenanceReport) => void
  /** A pass that failed as a whole, for instance because the database was away. The next one comes all the same. */
  readonly onError?: (error: unknown) => void
}

/** Upkeep that is repeated until it is stopped. */
export interface Maintenance extends AsyncDisposable {
  /** No further pass; aborts the one under way, and resolves when it has ended, which is at once unless the database is slow. */
  stop(): Promise<void>
}

const DEFAULT_INTERVAL_MS = 30_000
const DEFAULT_ITEMS = 100

/**
 * Repeats `registry.maintain` until stopped. The timer does not keep the process alive.
 * @throws SecretError `invalid_argument`
 */
export function startMaintenance(registry: Pick<SecretRegistry, 'maintain'>, options: MaintenanceOptions = {}): Maintenance {
  const operation = 'startMaintenance'
  checkOptions(operation, options, ['intervalMs', 'maxItems', 'onReport', 'onError'])
  const { intervalMs = DEFAULT_INTERVAL_MS, maxItems = DEFAULT_ITEMS, onReport, onError } = options
  checkInteger(operation, 'intervalMs', intervalMs, 1, 24 * 3_600_000)
  checkInteger(operation, 'maxItems', maxItems, 1, 10_000)
  checkFunction(operation, 'onReport', onReport)
  checkFunction(operation, 'onError', onError)
  if (typeof registry?.maintain !== 'function') throw SecretError.invalid(operation, 'the first argument is a registry')
  const stopping = new AbortController()
  const stopped = repeat(async () => {
    const report = await registry.maintain({ maxItems, signal: stopping.signal })
    onReport?.(report)
    return report.more
  })

  async function repeat(pass: () => Promise<boolean>): Promise<void> {
    while (!stopping.signal.aborted) {
      let full = false
      try {
        full = await pass()
      } catch (error) {
        if (!stopping.signal.aborted) tell(error)
      }
      if (!full) await sleep(intervalMs, stopping.signal, 'unref')
    }
  }

  function tell(error: unknown): void {
    try {
      onError?.(error)
    } catch {
      // An observer does not end the upkeep.
    }
  }

  const stop = async (): Promise<void> => {
    stopping.abort()
    await stopped
  }
  return { stop, [Symbol.asyncDispose]: stop }
}
