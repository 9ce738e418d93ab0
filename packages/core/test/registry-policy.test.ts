import { createSecretMigrator, createSecretRegistry, memoryDriver, memoryMetadata, unsafeAllowEveryone, type RegistryPolicy } from '@strongroom/core'
import { describe, expect, it } from 'vitest'

const shared = () => ({ id: 'policies', metadata: memoryMetadata(), stores: { main: memoryDriver() } })
const OPEN: Readonly<Record<string, (policy: RegistryPolicy) => Promise<{ readonly close: () => Promise<void> }>>> = {
  createSecretRegistry: policy => createSecretRegistry({ ...shared(), writeTo: 'main', authorize: unsafeAllowEveryone, policy }),
  createSecretMigrator: policy => createSecretMigrator({ ...shared(), actor: { id: 'ops', type: 'user' }, policy }),
}

describe.each(Object.entries(OPEN))('%s', (operation, open) => {
  it('refuses a horizon that is not longer than the lease, and names both', async () => {
    await expect(open({ deadlineMs: 1_000, leaseMs: 60_000, putHorizonMs: 60_000 })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: `${operation}: policy.putHorizonMs (60000) must be more than policy.leaseMs (60000) (invalid_argument)`,
    })
    await expect(open({ deadlineMs: 10_000, putHorizonMs: 30_000 })).rejects.toThrow(
      'policy.putHorizonMs (30000) must be more than policy.leaseMs (30000)',
    )
    await (await open({ deadlineMs: 1_000, leaseMs: 60_000, putHorizonMs: 60_001 })).close()
  })

  it('refuses a lease that is not longer than two deadlines, and names both', async () => {
    await expect(open({ deadlineMs: 1_000, leaseMs: 2_000 })).rejects.toThrow(
      'policy.leaseMs (2000) must be more than twice policy.deadlineMs (1000)',
    )
  })

  it.each<RegistryPolicy>([
    {},
    { deadlineMs: 3_600_000 }, // the longest, with a lease of three hours
    { leaseMs: 900_000 },
    { leaseMs: 24 * 3_600_000 },
  ])('has a horizon by default that is long enough for %o', async policy => {
    await (await open(policy)).close()
  })
})
