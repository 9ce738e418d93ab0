import { z } from 'zod'

// What the parts of the schema are made of: every leaf says what is allowed.

type Shape = Readonly<Record<string, z.ZodType>>

export const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

const text = (allowed: string) =>
  z
    .string({ error: allowed })
    .min(1, { error: allowed })
    .max(4096, { error: `${allowed}, of at most 4096 characters` })
export const line = (allowed: string) => text(allowed).regex(/^[^\0\r\n]*$/, { error: `${allowed}, on one line` })
export const whole = (least: number, most: number, unit: string) => {
  const allowed = `a whole number of ${unit} from ${least} to ${most}`
  return z.int({ error: allowed }).min(least, { error: allowed }).max(most, { error: allowed })
}
export const flag = () => z.boolean({ error: 'true or false' })
export const oneOf = <const Values extends readonly [string, ...string[]]>(...values: Values) =>
  z.enum(values, { error: `one of ${values.join(', ')}` })
export const texts = (allowed: string) => z.record(z.string(), z.string({ error: 'text' }), { error: allowed })

export function fields<const Fields extends Shape>(shape: Fields, what: string) {
  const names = Object.keys(shape)
  return z.strictObject(shape, {
    error: issue => (issue.code === 'unrecognized_keys' ? names.join(', ') : `${what}: an object with ${names.join(', ')}`),
  })
}

export const REFERENCE = '{ env: NAME } or { file: PATH }'

/** Where a credential is. The credential itself never stands in a configuration. */
export const reference = z.union(
  [
    z.strictObject({
      env: z.string().regex(VARIABLE, { error: 'a variable’s name: A-Z a-z 0-9 _, no digit first' }).describe('The name of an environment variable.'),
    }),
    z.strictObject({ file: z.string().min(1).describe('A file, relative to the configuration’s folder. A line break at its end is left out.') }),
  ],
  { error: issue => (typeof issue.input === 'string' ? `${REFERENCE}; a credential does not stand in a configuration` : REFERENCE) },
)
export type Reference = z.infer<typeof reference>
