import { problemCodes } from '../problem-codes.ts'
import type { ProblemDocument } from '../schemas.ts'
import { jsonIn } from './json-in.ts'

/** What may be told of a problem document. */
export interface ToldProblem extends Pick<ProblemDocument, 'code' | 'detail' | 'effect'> {
  readonly errors: readonly { readonly path: string; readonly message: string }[]
  readonly request_id: string | undefined
}

const KNOWN: readonly string[] = problemCodes

/** The problem document of an answer without whatever quotes a value that was sent; undefined for anything else. */
export function problemIn({ headers }: Response, text: string, sent: readonly (string | undefined)[]): ToldProblem | undefined {
  if (headers.get('content-type')?.startsWith('application/problem+json') !== true) return undefined
  const problem = jsonIn<ProblemDocument>(text)
  if (typeof problem?.code !== 'string' || typeof problem.detail !== 'string') return undefined
  // Of three characters, it is no more than what any sentence has.
  const isQuote = (said: string): boolean => sent.some(value => value !== undefined && value.length > 3 && said.includes(value))
  const { code, detail, effect, errors, request_id: requestId } = problem
  // A word of the API's own is no quote, also where it is the value: a code is one, and so the problem is told.
  if (!KNOWN.includes(code) && isQuote(code)) return undefined
  return {
    code,
    detail: isQuote(detail) ? 'what the server says of it is not shown, since the value that was sent is in it' : detail,
    effect: effect === 'none' || effect === 'unknown' ? effect : undefined,
    errors: Array.isArray(errors) ? errors.filter(each => isField(each) && !isQuote(each.path) && !isQuote(each.message)) : [],
    request_id: typeof requestId === 'string' && !isQuote(requestId) ? requestId : undefined,
  }
}

function isField(each: { readonly path?: unknown; readonly message?: unknown } | null): boolean {
  return typeof each?.path === 'string' && typeof each.message === 'string'
}
