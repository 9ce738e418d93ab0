import { SecretError } from '../errors.ts'

const WRITING = ['create', 'append', 'promote', 'versions', 'list', 'destroyVersion', 'remove', 'restore', 'classify', 'close']
const READING = ['read', 'readMany', 'classify', 'close']

/** @throws SecretError `misconfigured` for something that is not a v1 driver with the powers that the face needs. */
export function checkDriver(operation: string, driver: unknown, power: 'write' | 'read' | 'both' = 'both', name?: string): void {
  const methods = power === 'write' ? WRITING : power === 'read' ? READING : [...WRITING, ...READING]
  const candidate = (driver ?? {}) as Readonly<Record<string, unknown>>
  const where = name === undefined ? 'it' : `the store ${JSON.stringify(name)}`
  if (candidate['specification'] !== 'v1') {
    throw SecretError.refused('misconfigured', operation, { hint: `${where} is not a driver of specification v1` })
  }
  const missing = methods.filter(method => typeof candidate[method] !== 'function')
  if (missing.length > 0) throw SecretError.refused('misconfigured', operation, { hint: `${where} is a driver without ${missing.join(', ')}` })
}
