import { missingProgram, openBaoBinary } from '@strongroom/testbed'
import { expect, it } from 'vitest'
import { travel } from '../swap.ts'

const SECRETS = 15
// Where a real OpenBao has to be there, that it is not is an error.
const noBao = missingProgram(openBaoBinary, 'OpenBao')
const vaultIs = noBao === undefined ? 'OpenBao' : `our emulator of Vault: ${noBao}`

it(`goes from cloud to cloud under load: no failed read, no stale one, nothing left behind (Vault is ${vaultIs})`, { timeout: 600_000 }, async () => {
  const { swaps, counts, problems, compared, inventory, vault } = await travel({ secrets: SECRETS })
  expect(problems).toEqual([])
  expect(vault).toMatch(noBao === undefined ? /^OpenBao / : /^our emulator of Vault$/)
  expect(swaps.map(({ from, to, leftovers }) => [from, to, leftovers])).toEqual([
    ['memory', 'aws', 0],
    ['aws', 'gcp', 0],
    ['gcp', 'azure', 0],
    ['azure', 'vault', 0],
    ['vault', 'aws', 0],
  ])
  for (const { moved } of swaps) expect(moved).toBeGreaterThanOrEqual(SECRETS)
  expect(counts).toMatchObject({ failedReads: 0, staleReads: 0, failedUpdates: 0 })
  // It was under load all the time.
  expect(counts.reads).toBeGreaterThan(300)
  expect(counts.updates).toBeGreaterThan(50)
  expect(counts.deleted).toBeGreaterThan(20)
  expect(compared).toBe(SECRETS)
  // Everything is in the last store, and nothing else is in any of them.
  const empty = { records: 0, missing: 0, strays: 0 }
  expect(inventory).toEqual([
    { store: 'memory', ...empty },
    { store: 'aws', ...empty, records: SECRETS },
    { store: 'gcp', ...empty },
    { store: 'azure', ...empty },
    { store: 'vault', ...empty },
  ])
})
