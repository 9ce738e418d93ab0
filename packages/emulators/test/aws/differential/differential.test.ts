import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { missingProgram, moto, startMoto, suiteTitle, type TestServer } from '@strongroom/testbed'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAwsEmulator, type AwsEmulator } from '../../../src/aws/index.ts'
import { clientOf } from '../client.ts'
import { disagreements, type Disagreement } from './compare.ts'
import { differences } from './differences.ts'
import { isOf, parts, unexplained } from './known.ts'
import { Side, type Step } from './side.ts'
import { anySteps } from './steps.ts'

// The same calls of the official SDK to the emulator and to moto, which is another's imitation of AWS: answers, error names, and
// what the secret looks like after each step are the same, but for what `differences.ts` knows.

const RUNS = 25
const missing = missingProgram(moto, 'moto')
// A new one finds more, and may find what nobody has looked at yet: `STRONGROOM_SEED=<number>` chooses it.
const seed = Number(process.env['STRONGROOM_SEED'] ?? 1)

describe.skipIf(missing !== undefined)(suiteTitle(`the emulator beside moto, seed ${seed}`, missing), () => {
  let server: TestServer
  let client: SecretsManagerClient

  beforeAll(async () => {
    server = await startMoto()
    client = clientOf(server.url)
  })
  afterAll(async () => {
    client?.destroy()
    await server?.stop()
  })

  /** Takes steps on both, each on a new account, as long as `each` allows. */
  const takeBoth = async (
    steps: readonly Step[],
    each: (step: Step, found: readonly Disagreement[], both: readonly Side[]) => Promise<void>,
  ): Promise<void> => {
    await (await fetch(new URL('/moto-api/reset', server.url), { method: 'POST' })).body?.cancel()
    const emulator: AwsEmulator = await startAwsEmulator()
    const own = clientOf(emulator.url)
    try {
      const both = [new Side(own), new Side(client)] as const
      for (const step of steps) await each(step, disagreements(await both[0].take(step), await both[1].take(step)), both)
    } finally {
      own.destroy()
      await emulator.stop()
    }
  }

  it('agrees on any sequence of calls', { timeout: 300_000 }, async () => {
    const sequence = fc.asyncProperty(anySteps, async steps => {
      await takeBoth(steps, async (step, found, both) => {
        const unknown = unexplained(step, found)
        if (unknown.length > 0) throw new Error(`${step.operation} ${inspect(step.input)}: ${inspect(unknown, { depth: 5 })}`)
        const { Name, SecretId = Name } = step.input
        // The two secrets are no longer the same: away with both.
        if (parts(step, found))
          for (const side of both) await side.take({ operation: 'DeleteSecret', input: { SecretId, ForceDeleteWithoutRecovery: true } })
      })
    })
    await fc.assert(sequence, { seed, numRuns: RUNS, interruptAfterTimeLimit: 240_000, markInterruptAsFailure: true })
  })

  it('an answer that nobody has explained is found', () => {
    const step = { operation: 'GetSecretValue', input: { SecretId: 's1', VersionStage: 'AWSCURRENT' } }
    const ours = { answer: { SecretString: 'one' }, described: { Name: 's1' }, current: { error: 'ResourceNotFoundException' } }
    const theirs = { answer: { SecretString: 'two' }, described: { Name: 's1' }, current: { SecretString: 'one' } }
    expect(unexplained(step, disagreements(ours, theirs)).map(({ place }) => place)).toEqual(['answer.SecretString', 'current.error'])
    expect(unexplained(step, disagreements(ours, ours))).toEqual([])
  })

  it('the page has the right numbers', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../../docs/emulators-aws.md'), 'utf8')
    const ours = differences.filter(({ right }) => right === 'emulator').length
    expect(page).toContain(`There are ${differences.length} entries. In ${ours} of them`)
    expect(new Set(differences.map(({ id }) => id)).size).toBe(differences.length)
  })

  it.each(differences.map(difference => [difference.id, difference] as const))('differs as known: %s', async (_, difference) => {
    const last = difference.shown.at(-1)
    let seen: readonly Disagreement[] = []
    await takeBoth(difference.shown, async (step, found) => {
      if (step === last) seen = found
      else expect(unexplained(step, found)).toEqual([])
    })
    expect(last === undefined ? [] : seen.filter(one => isOf(difference, last, one)), 'what no longer differs is taken from the list').not.toEqual([])
    if (last !== undefined) expect(unexplained(last, seen)).toEqual([])
  })
})
