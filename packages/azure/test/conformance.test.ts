import { describeDriver } from '@strongroom/conformance/vitest'
import { emulatedHarness, given, givenHarness, requestsLater } from './vault.ts'

const hooks = ['second', 'outOfBand'] as const

if (given === undefined) {
  describeDriver('azure', () => emulatedHarness(), {
    require: [...hooks, 'denied', 'manageOnly', 'faults'],
    where: "this workspace's emulator of Azure Key Vault, on loopback",
  })

  // A vault as it often is: deletions and recoveries that go on after their answer, pages that are short, and some that are empty.
  const windowMs = requestsLater(2)
  const slow = { deleteDelayMs: windowMs, recoverDelayMs: windowMs, purgeDelayMs: windowMs, recoverableDays: 7 }
  describeDriver('azure-slow', () => emulatedHarness(slow, ({ paging }) => Object.assign(paging, { limit: 13, empty: 60 })), {
    require: [...hooks, 'denied', 'manageOnly', 'faults'],
    where: "this workspace's emulator of Azure Key Vault on loopback: deletions take their time, pages are short, and some are empty",
    settleMs: 3_000,
  })
} else {
  describeDriver('azure', context => givenHarness(given ?? '', context), {
    require: [...hooks],
    where: 'the vault of STRONGROOM_AZURE_VAULT_URL',
    settleMs: 30_000,
    caseTimeoutMs: 300_000,
  })
}
