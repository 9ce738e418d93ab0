import type { SecretDriver } from '@strongroom/core'
import { changed } from '@strongroom/testbed'

/**
 * A driver that dates everything to long ago. The clocks of the emulators have been moved on by scenarios, and reconciliation, which has the
 * machine's clock, would take what they date for too young to be judged.
 */
export function longAgo(driver: SecretDriver): SecretDriver {
  const dated = <T extends { readonly createdAt?: Date | undefined; readonly updatedAt?: Date | undefined }>(item: T): T => ({
    ...item,
    ...(item.createdAt === undefined ? {} : { createdAt: LONG_AGO }),
    ...(item.updatedAt === undefined ? {} : { updatedAt: LONG_AGO }),
  })
  return changed(driver, {
    list: async (request, call) => {
      const page = await driver.list(request, call)
      return { ...page, items: page.items.map(dated) }
    },
    versions: async (request, call) => {
      const page = await driver.versions(request, call)
      return { ...page, items: page.items.map(dated) }
    },
  })
}
const LONG_AGO = new Date(0)
