import type { ProblemCode } from '../problem-codes.ts'
import type { ToldProblem } from './problem-in.ts'

/** The server's code; `no_answer` when none came, or not to its end; `not_understood` when what came is not of this API. */
export type SecretsApiErrorCode = ProblemCode | 'no_answer' | 'not_understood'

interface Init {
  readonly operation: string
  readonly status: number | undefined
  readonly code: SecretsApiErrorCode
  readonly effect: 'none' | 'unknown' | undefined
  readonly problem?: ToldProblem | undefined
  readonly retryAfterMs?: number | undefined
}

/** A call that failed. It has nothing of what was sent, and no `cause`. */
export class SecretsApiError extends Error {
  override readonly name = 'SecretsApiError'
  /** Such as `createSecret`. */
  readonly operation: string
  /** Undefined where the code is `no_answer`. */
  readonly status: number | undefined
  readonly code: SecretsApiErrorCode
  /** `unknown`: the write may have happened; repeat it with the same idempotency key. */
  readonly effect: 'none' | 'unknown' | undefined
  /** The fields that the server did not take. */
  readonly errors: readonly { readonly path: string; readonly message: string }[]
  readonly requestId: string | undefined
  /** Milliseconds that the server asked to wait. */
  readonly retryAfterMs: number | undefined
  declare readonly cause?: never

  constructor({ operation, status, code, effect, problem, retryAfterMs }: Init) {
    super(
      `${operation}: ${problem?.detail ?? (code === 'no_answer' ? 'no answer came, or not to its end' : 'the answer is not one of this API')} (${code})`,
    )
    this.operation = operation
    this.status = status
    this.code = code
    this.effect = effect
    this.errors = problem?.errors ?? []
    this.requestId = problem?.request_id
    this.retryAfterMs = retryAfterMs
  }
}
