import { SecretError } from '../errors.ts'
import { READING_AND_WRITING } from './powers.ts'

/** @throws SecretError `misconfigured` for something that is not a v1 driver with the methods that the face needs. */
export function checkDriver(operation: string, driver: unknown, methods: readonly string[] = READING_AND_WRITING.methods, name?: string): void {
  const candidate = (driver ?? {}) as Readonly<Record<string, unknown>>
  const where = name === undefined ? 'it' : `the store ${JSON.stringify(name)}`
  if (candidate['specification'] !== 'v1') {
    throw SecretError.refused('misconfigured', operation, { hint: `${where} is not a driver of specification v1` })
  }
  const missing = methods.filter(method => typeof candidate[method] !== 'function')
  if (missing.length > 0) throw SecretError.refused('misconfigured', operation, { hint: `${where} is a driver without ${missing.join(', ')}` })
}
