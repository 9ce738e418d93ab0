import type { z } from '@hono/zod-openapi'
import type { AppContext } from './exchange.ts'
import { invalid, Problem, type FieldProblem } from './problem.ts'

/** The names of fields that a client made up are repeated only where they are short and plain. */
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,39}$/

/** @throws Problem 400, 422 */
export function validBody<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    // What the parser says quotes the body.
    throw new Problem({ status: 400, code: 'malformed_json', detail: 'the body is not JSON' })
  }
  return valid(schema, body)
}

/** A field that is there twice is a list, which no schema takes. @throws Problem 422 */
export function validQuery<Schema extends z.ZodType>(schema: Schema, { req }: AppContext): z.output<Schema> {
  const fields = Object.entries(req.queries()).map(([name, given]) => [name, given.length === 1 ? given[0] : given])
  return valid(schema, Object.fromEntries(fields))
}

/** Those headers that the schema names. @throws Problem 422 */
export function validHeaders<Schema extends z.ZodObject>(schema: Schema, { req }: AppContext): z.output<Schema> {
  return valid(schema, Object.fromEntries(Object.keys(schema.shape).map(name => [name, req.header(name)])))
}

function valid<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const result = schema.safeParse(given)
  if (result.success) return result.data
  const fields = result.error.issues.flatMap((issue): readonly FieldProblem[] => {
    const path = issue.path.map(part => String(part)).join('.')
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }]
    return issue.keys.map(name => ({ path: PLAIN_NAME.test(name) ? name : '(a name that is not shown)', message: 'no such field' }))
  })
  throw invalid(oneEach(fields))
}

/** A field is named once; what is wrong with the whole is said where no field is. */
function oneEach(fields: readonly FieldProblem[]): readonly FieldProblem[] {
  const seen = new Set<string>()
  const first = fields.filter(({ path }) => !seen.has(path) && seen.add(path))
  const named = first.filter(({ path }) => path !== '')
  return named.length > 0 ? named : first
}
