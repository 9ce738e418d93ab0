import { SecretError } from '../errors.ts'

/** For authors of metadata stores: the refusal of a name that is bound to another location. A location holds no credential. */
export function boundElsewhere(operation: string, name: string, bound: string, given: string): SecretError {
  const hint = `${JSON.stringify(name)} is bound to ${bound} in the database, and is given as ${given}; another place needs another name`
  return SecretError.refused('misconfigured', operation, { hint })
}
