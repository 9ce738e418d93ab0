import { SecretError } from '../errors.ts'
import type { StorePolicy } from '../policy.ts'
import type { RegistryPolicy } from '../registry.ts'
import { checkInteger, checkPolicy } from './checks.ts'
import { DEFAULT_DEADLINE_MS } from './guard.ts'
import type { ProtocolTimes } from './write-protocol.ts'

const DEFAULT_HORIZON_MS = 15 * 60_000
const DEFAULT_KEPT = 2
const MAX_KEPT = 20

/** The parts of a policy: for the write protocol, and for the guards of the stores. @throws SecretError `invalid_argument` */
export function checkRegistryPolicy(
  operation: string,
  policy: RegistryPolicy,
): { readonly times: ProtocolTimes; readonly keep: number; readonly storePolicy: StorePolicy } {
  if (typeof policy !== 'object' || policy === null) throw SecretError.invalid(operation, 'policy is an object')
  const { prefix, leaseMs: lease, putHorizonMs: horizon, keepVersions: keep = DEFAULT_KEPT, ...storePolicy } = policy
  checkPolicy(operation, storePolicy, ['limits', 'leaseMs', 'putHorizonMs', 'keepVersions'])
  const prefixes = typeof prefix === 'object' && prefix !== null ? Object.values(prefix) : [prefix]
  for (const one of prefixes) checkPolicy(operation, one === undefined ? {} : { prefix: one }, ['prefix'])
  const { deadlineMs = DEFAULT_DEADLINE_MS } = policy
  const leaseMs = lease ?? deadlineMs * 3
  checkInteger(operation, 'leaseMs', leaseMs, 1, 24 * 3_600_000)
  const putHorizonMs = horizon ?? Math.max(DEFAULT_HORIZON_MS, leaseMs * 2)
  checkInteger(operation, 'putHorizonMs', putHorizonMs, 1, 7 * 24 * 3_600_000)
  checkInteger(operation, 'keepVersions', keep, 1, MAX_KEPT)
  // A put sent at the very end of one deadline must have its answer, and its commit, well inside the lease.
  if (leaseMs <= deadlineMs * 2)
    throw SecretError.invalid(operation, `policy.leaseMs (${leaseMs}) must be more than twice policy.deadlineMs (${deadlineMs})`)
  // Who resumes what another has left puts it within a lease of its own, and what watches for late puts must not end before that.
  if (putHorizonMs <= leaseMs)
    throw SecretError.invalid(operation, `policy.putHorizonMs (${putHorizonMs}) must be more than policy.leaseMs (${leaseMs})`)
  return { times: { deadlineMs, leaseMs, putHorizonMs }, keep, storePolicy }
}
