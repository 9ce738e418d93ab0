import { SecretError } from '@strongroom/core'

/**
 * A transaction whose answer does not arrive, a refusal's no more than another: it is done, or it is not, and the store says the same of both.
 * @throws SecretError `unavailable`, effect `unknown`
 */
export async function unanswered(isDone: boolean, transaction: () => Promise<unknown>): Promise<never> {
  if (isDone) {
    await transaction().catch((error: unknown) => {
      if (!(error instanceof SecretError)) throw error
    })
  }
  throw new SecretError({ code: 'unavailable', retryable: true, effect: 'unknown', operation: 'metadata' })
}
