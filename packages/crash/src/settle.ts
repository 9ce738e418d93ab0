import type { SecretRegistry } from '@strongroom/core'

const HOUR_MS = 3_600_000
const MAX_PASSES = 14

/** Passes of upkeep, with time between them, until nothing is left. Answers what is left all the same. */
export async function settle(registry: SecretRegistry, advance: (ms: number) => Promise<void>): Promise<number> {
  for (let pass = 1; ; pass += 1) {
    await advance(HOUR_MS)
    const { backlog } = await registry.maintain({ maxItems: 1_000 })
    if (backlog === 0 || pass === MAX_PASSES) return backlog
  }
}
