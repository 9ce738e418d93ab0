import { nearest } from '../config/problems.ts'
import { UsageError } from './failure.ts'

/** @throws UsageError for a name that the configuration has not */
export function checkStoreName(name: string, names: readonly string[]): void {
  if (names.includes(name)) return
  const near = nearest(name, names)
  throw new UsageError(
    `there is no store ${JSON.stringify(name)}${near === undefined ? '' : `; did you mean ${near}?`}; there are ${names.join(', ')}`,
  )
}
