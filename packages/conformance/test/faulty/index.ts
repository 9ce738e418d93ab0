import { faultyDeclarations } from './declarations.ts'
import { faultyInEffects } from './effects.ts'
import { faultyErrors } from './errors.ts'
import type { FaultyDriver } from './faulty-driver.ts'
import { faultyInPaths } from './native-paths.ts'
import { faultyReads } from './reads.ts'
import { faultyRemovals } from './removals.ts'
import { faultyOnTheWire } from './wire.ts'
import { faultyWrites } from './writes.ts'

export const faultyDrivers: readonly FaultyDriver[] = [
  ...faultyDeclarations,
  ...faultyWrites,
  ...faultyOnTheWire,
  ...faultyInEffects,
  ...faultyInPaths,
  ...faultyReads,
  ...faultyRemovals,
  ...faultyErrors,
]
