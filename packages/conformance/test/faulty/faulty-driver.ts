import type { DriverCapabilities } from '@strongroom/core'
import type { MemoryHarnessOptions } from '../memory-harness.ts'

/** A driver with one fault, and the case that must notice. */
export interface FaultyDriver {
  readonly name: string
  readonly catches: string
  readonly capabilities?: Partial<DriverCapabilities>
  readonly mutate: NonNullable<MemoryHarnessOptions['mutate']>
}
