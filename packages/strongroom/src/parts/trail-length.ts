import type { AccountId } from '@strongroom/core'
import { loadConfig } from '../config/load.ts'
import { metadataOf } from './metadata.ts'

/**
 * The number of entries in an account's audit trail, read beside the registry, which would write an entry for each look. Sequences have
 * no gaps, so that the last one is found by doubling and halving, some forty looks at a trail of a million. Undefined without a database.
 */
export async function trailLength(config: string | undefined, account: AccountId, signal: AbortSignal): Promise<number | undefined> {
  const { source, folder, checked } = await loadConfig(config, process.env)
  const { id: registry, metadata: chosen } = checked
  if (chosen === undefined) return undefined
  // What is risky was told when the configuration itself was opened.
  const metadata = await metadataOf(chosen, { source, folder, environment: process.env, warn: () => {} })
  const isBeyond = async (after: number): Promise<boolean> =>
    (await metadata.readAudit({ registry, account, after, limit: 1 }, { signal })).length === 0
  try {
    let most = 1
    while (!(await isBeyond(most))) most *= 2
    let least = most === 1 ? 0 : most / 2
    while (least < most) {
      const middle = Math.floor((least + most) / 2)
      if (await isBeyond(middle)) most = middle
      else least = middle + 1
    }
    return least
  } finally {
    await metadata.close()
  }
}
