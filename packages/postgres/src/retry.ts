import { setTimeout as sleep } from 'node:timers/promises'
import { SecretError } from '@strongroom/core'
import { TransactionFailure } from './connection.ts'
import { isConflict, secretErrorOf } from './failures.ts'

/** Enough for dozens of writers of one account on a database that refuses all but one of them each time. */
const ATTEMPTS = 30
const BASE_MS = 5
const CAP_MS = 800

/**
 * Does the work again, a bounded number of times, as long as other transactions are in its way. The pauses are anywhere between 0 and a
 * doubled base, so that those who met do not meet again. @throws SecretError, and nothing else
 */
export async function retrying<Answer>(operation: string, signal: AbortSignal | undefined, work: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const { reason, effect } = error instanceof TransactionFailure ? error : new TransactionFailure(error, 'unknown')
      if (attempt === ATTEMPTS || effect !== 'none' || !isConflict(reason)) throw secretErrorOf(reason, operation, effect)
    }
    await pause(Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** attempt), operation, signal)
  }
}

async function pause(milliseconds: number, operation: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal })
  } catch {
    // It throws for nothing but the signal.
    throw SecretError.refused('aborted', operation)
  }
}
