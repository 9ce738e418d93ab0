import { drongo, missingProgram, startDrongo, suiteTitle, type TestServer } from '@strongroom/testbed'
import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { startGcpEmulator, type GcpEmulator } from '../../src/gcp/index.ts'
import { clientOf, restClient } from './clients.ts'
import { differences, outcomeOf } from './compare.ts'
import { knownDifferences } from './known-differences.ts'
import { sequences, type Operation } from './operations.ts'

const seed = Number(process.env['STRONGROOM_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const missing = missingProgram(drongo, 'drongo')

describe(`the same calls to two servers (STRONGROOM_SEED=${seed})`, () => {
  const open: { close(): Promise<void> }[] = []
  const running: (GcpEmulator | TestServer)[] = []
  afterEach(async () => {
    for (const client of open.splice(0)) await client.close()
    for (const server of running.splice(0)) await server.stop()
  })
  const emulator = async (): Promise<GcpEmulator> => {
    const started = await startGcpEmulator()
    running.push(started)
    return started
  }
  const opened = (client: SecretManagerServiceClient): SecretManagerServiceClient => {
    open.push(client)
    return client
  }

  test('gRPC and REST of the emulator answer the same, codes and messages too', async () => {
    const [one, other] = [await emulator(), await emulator()]
    const parent = `projects/${one.projectId}`
    const [grpc, rest] = [opened(clientOf(one, 'grpc')), opened(clientOf(other, 'rest'))]
    for (const operation of sampled(parent, 2)) {
      // Over REST an absent payload is an absent body, and both are the same message.
      const [ours, theirs] = [await outcomeOf(grpc, operation), await outcomeOf(rest, operation)]
      expect({ operation, outcome: ours }).toEqual({ operation, outcome: theirs })
    }
  }, 60_000)

  describe.skipIf(missing !== undefined)(suiteTitle('drongo', missing), () => {
    test('the emulator and drongo differ exactly where it is known', async () => {
      const [ours, theirs] = [await emulator(), await startDrongo()]
      running.push(theirs)
      const parent = `projects/${ours.projectId}`
      const clients = [opened(clientOf(ours, 'rest')), opened(restClient(theirs.url, ours.projectId))] as const
      const seen = new Set<string>()
      const unknown: unknown[] = []
      for (const operation of sampled(parent, 1)) {
        const outcomes = [await outcomeOf(clients[0], operation), await outcomeOf(clients[1], operation)] as const
        const found = differences(...outcomes)
        for (const difference of found) {
          const known = knownDifferences.filter(each => isOf(each, operation, difference))
          known.forEach(({ what }) => seen.add(what))
          if (known.length === 0) unknown.push({ operation, difference, outcomes })
        }
        // Where a write went different ways, both begin anew; what is only not told leaves the state the same.
        if (!/^(get|list|access)/.test(operation.rpc) && found.some(difference => difference.includes('OK') || difference === 'labels'))
          await forget(clients, operation, parent)
      }
      expect(unknown).toEqual([])
      expect(knownDifferences.map(({ what }) => what).filter(what => !seen.has(what))).toEqual([])
    }, 120_000)
  })

  test('each known difference is told apart from the others', () => {
    const names = knownDifferences.map(({ what }) => what)
    expect(new Set(names).size).toBe(names.length)
  })
})

function sampled(parent: string, times: number): readonly Operation[] {
  return fc.sample(sequences(parent), { seed, numRuns: times }).flat()
}

function isOf(known: (typeof knownDifferences)[number], { rpc, about }: Operation, difference: string): boolean {
  return (known.rpcs?.includes(rpc) ?? true) && (known.about?.includes(about) ?? true) && known.differences.includes(difference)
}

async function forget(clients: readonly SecretManagerServiceClient[], { request }: Operation, parent: string): Promise<void> {
  const {
    name,
    parent: of,
    secretId,
    secret,
  } = request as Readonly<Record<'name' | 'parent' | 'secretId', string | undefined>> & {
    readonly secret?: { readonly name?: string }
  }
  const resource = secretId === undefined ? (name ?? secret?.name ?? of ?? '') : `${parent}/secrets/${secretId}`
  const own = /^projects\/[^/]+\/secrets\/[^/]+/.exec(resource)?.[0]
  if (own === undefined) return
  // One of the two has none; the emulator refuses the id that it never took.
  for (const client of clients) await client.deleteSecret({ name: own }).catch(() => undefined)
}
