import { z } from 'zod'
import { isPlainObject } from './interpolate.ts'
import { configSchema } from './schema.ts'

type Schema = Readonly<Record<string, unknown>>

const SHORTHAND = { type: 'string', description: 'A URL, such as aws://eu-west-1?prefix=prod/ or local:./folder.' }
const VARIABLE = { type: 'string', pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\\}' }

/** The JSON Schema of a configuration file, for editors. It allows what the file may hold: shorthands and variables, too. */
export function configJsonSchema(): object {
  const schema = withVariables(z.toJSONSchema(configSchema, { target: 'draft-2020-12', io: 'input' }) as Schema) as {
    properties: { stores: { additionalProperties: object }; metadata: object }
  }
  const { stores, metadata } = schema.properties
  stores.additionalProperties = { anyOf: [SHORTHAND, stores.additionalProperties] }
  schema.properties.metadata = { anyOf: [{ ...SHORTHAND, description: 'sqlite:./file or memory:.' }, metadata] }
  return { title: 'Strongroom configuration', ...schema }
}

/** Variables are replaced before anything is checked, so that one may stand for every text, number, and true or false; for no name. */
function withVariables({ properties, additionalProperties, items, anyOf, oneOf, ...rest }: Schema): Schema {
  const each = (list: unknown): readonly Schema[] => (list as readonly Schema[]).map(withVariables)
  const inside = {
    ...(isPlainObject(properties) && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, withVariables(one as Schema)])),
    }),
    ...(additionalProperties !== undefined && {
      additionalProperties: isPlainObject(additionalProperties) ? withVariables(additionalProperties) : additionalProperties,
    }),
    ...(isPlainObject(items) && { items: withVariables(items) }),
    ...(anyOf !== undefined && { anyOf: each(anyOf) }),
    // With a variable as its type, an object is of more than one.
    ...(oneOf !== undefined && { anyOf: each(oneOf) }),
  }
  if (takesVariables(rest)) return { ...rest, ...inside }
  const { description, ...own } = rest
  return { ...(description !== undefined && { description }), anyOf: [own, VARIABLE] }
}

/** Objects and lists have theirs inside. A text takes them as it is, unless its form or length is said. */
function takesVariables({ type, const: only, enum: words, pattern, maxLength }: Schema): boolean {
  if (only !== undefined || words !== undefined || ['number', 'integer', 'boolean'].includes(String(type))) return false
  if (type !== 'string') return true
  const isAnyForm = typeof pattern !== 'string' || new RegExp(pattern, 'u').test('${NAME:-a/b c}')
  return isAnyForm && (maxLength === undefined || Number(maxLength) >= 1024)
}
