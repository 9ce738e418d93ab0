import { SecretError, type Failure } from '../errors.ts'
import { backoffMs, sleep } from './backoff.ts'
import { Stop } from './stop.ts'

const ATTEMPTS = 4
const SILENT = 'the database gave no answer in time'

/** How long a caller waits for the database. */
export interface Patience {
  readonly operation: string
  readonly withinMs: number
  readonly signal?: AbortSignal | undefined
  /** Of what has no answer yet: what a call that only looks has not done. */
  readonly effect: Failure['effect']
}

/**
 * Repeats a database call that says it may be repeated. Every method of a metadata store may be, by its token or claim. With `patience`
 * it ends in time whatever the database does: what has been asked goes on unheard, and is asked for no more.
 * @throws SecretError the database's own; `deadline_exceeded`, `aborted`
 */
export async function persist<T>(call: () => Promise<T>, patience?: Patience): Promise<T> {
  if (patience === undefined) return await repeated(call)
  const { operation, withinMs, signal, effect } = patience
  const stop = new Stop(signal, withinMs)
  const isSent = !stop.aborted
  try {
    if (isSent) return await stop.race(() => repeated(call, stop))
  } catch (error) {
    if (stop.code === undefined) throw error
  } finally {
    stop.end()
  }
  const hint = stop.code === 'deadline_exceeded' ? SILENT : undefined
  throw new SecretError({ ...stop.failure(isSent && effect === 'unknown'), operation, hint })
}

async function repeated<T>(call: () => Promise<T>, stop?: Stop): Promise<T> {
  let uncertain = false
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof SecretError)) throw error
      // A refusal after an attempt without an answer does not say that the first one did nothing.
      uncertain ||= error.effect === 'unknown'
      const failure = uncertain ? error.in({ effect: 'unknown' }) : error
      if (!error.retryable || attempt === ATTEMPTS) throw failure
      await sleep(backoffMs(attempt, error))
      if (stop?.code !== undefined) throw failure
    }
  }
}
