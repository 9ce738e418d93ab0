import { z } from 'zod'
import { configSchema } from './schema.ts'

const SHORTHAND = { type: 'string', description: 'A URL, such as aws://eu-west-1?prefix=prod/ or local:./folder.' }

/** The JSON Schema of a configuration file, for editors. It allows what the file may hold: shorthands and variables, too. */
export function configJsonSchema(): object {
  const schema = z.toJSONSchema(configSchema, { target: 'draft-2020-12', io: 'input' }) as unknown as {
    properties: { stores: { additionalProperties: object }; metadata: object }
  }
  const { stores, metadata } = schema.properties
  stores.additionalProperties = { anyOf: [SHORTHAND, stores.additionalProperties] }
  schema.properties.metadata = { anyOf: [{ ...SHORTHAND, description: 'sqlite:./file or memory:.' }, metadata] }
  return { title: 'Strongroom configuration', ...schema }
}
