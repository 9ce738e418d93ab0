import type { DriverCall, NativePath, Removal, SecretDriver } from '@strongroom/core'
import { allPages } from './case-context.ts'

const TRIES = 3

/** Purges these paths and whatever is listed under the prefix; answers the paths that could not be purged. */
export async function tidy(driver: SecretDriver, paths: readonly NativePath[], prefix: string): Promise<readonly string[]> {
  const call = { signal: AbortSignal.timeout(60_000), attempt: 1 }
  const found = await attempt(async () => await allPages(page => driver.list({ prefix, withLabels: false, page }, call)))
  const listed = (found ?? []).map(({ path }) => path).filter(path => path.startsWith(prefix))
  const left: string[] = []
  for (const path of new Set([...paths, ...listed])) {
    const removal = await attempt(async () => await purged(driver, path, call))
    if (removal === undefined || (removal === 'no path' && listed.includes(path))) left.push(path)
  }
  return left
}

/** What the driver refuses as a path was never made. */
async function purged(driver: SecretDriver, path: NativePath, call: DriverCall): Promise<Removal | 'no path'> {
  try {
    return await driver.remove({ path, purge: true }, call)
  } catch (error) {
    if (driver.classify(error).code === 'invalid_argument') return 'no path'
    throw error
  }
}

/** A case that failed may have left a fault armed, so one failure says nothing yet; undefined after the last. */
async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    try {
      return await work()
    } catch {
      // What could not be purged is told by the caller.
    }
  }
  return undefined
}
