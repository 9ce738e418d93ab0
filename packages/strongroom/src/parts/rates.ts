import type { MigrationRate } from '@strongroom/core'
import type { CustomStore } from '../config/check.ts'
import type { StoreConfig } from '../config/schema.ts'

/**
 * Calls a second that a migration makes at most where the configuration says nothing: of the writes that a cloud gives an account by
 * default four fifths, since a migration is the one that creates most; of the reads half, so that the services go on. What a create of an
 * adapter sends is counted: on Google two writes. Quotas by the vendors' pages, as of 2026:
 * AWS 50 creates and 10,000 reads a second (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html);
 * Google 600 writes and 90,000 accesses a minute (https://cloud.google.com/secret-manager/quotas);
 * Azure 300 creates and 4,000 other calls in ten seconds (https://learn.microsoft.com/en-us/azure/key-vault/general/service-limits).
 */
const DEFAULTS: Readonly<Partial<Record<StoreConfig['type'], MigrationRate>>> = {
  aws: { reads: 5000, writes: 40 },
  gcp: { reads: 750, writes: 4 },
  azure: { reads: 200, writes: 24 },
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])$/

/**
 * What a migration asks of each store. Only what is on this machine is an emulator for sure: an endpoint of a VPC, of a region or for FIPS
 * is another way to the same account and its quota.
 */
export function ratesOf(stores: Readonly<Record<string, StoreConfig | CustomStore>>): Readonly<Record<string, MigrationRate>> {
  const rates: Record<string, MigrationRate> = {}
  for (const [name, store] of Object.entries(stores)) {
    const { type, rate } = store as { readonly type: StoreConfig['type']; readonly rate?: MigrationRate }
    const own = isOnLoopback(store as { readonly endpoint?: unknown; readonly vaultUrl?: unknown }) ? undefined : DEFAULTS[type]
    if (own !== undefined || rate !== undefined) rates[name] = { ...own, ...rate }
  }
  return rates
}

function isOnLoopback({ endpoint, vaultUrl }: { readonly endpoint?: unknown; readonly vaultUrl?: unknown }): boolean {
  const url = endpoint ?? vaultUrl
  return typeof url === 'string' && URL.canParse(url) && LOOPBACK.test(new URL(url).hostname)
}
