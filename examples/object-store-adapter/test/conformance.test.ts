import { hookNames, type DriverHarness, type OutOfBand } from '@strongroom/conformance'
import { describeDriver } from '@strongroom/conformance/vitest'
import { wireFaults } from '@strongroom/emulators'
import { freePort, missingProgram, moto, suiteTitle, type TestServer } from '@strongroom/testbed'
import { afterAll, beforeAll, describe } from 'vitest'
import { driverAt, makeBucket, raw, refusal, startStore, startStoreProxy } from './store-server.ts'

const missing = missingProgram(moto, 'moto')
const WIRE_FAULTS = wireFaults('InternalError', 0)

describe.skipIf(missing !== undefined)(suiteTitle('an object store', missing), () => {
  let server: TestServer

  beforeAll(async () => {
    server = await startStore()
  })
  afterAll(() => server?.stop())

  const start = async (): Promise<DriverHarness> => {
    const proxy = await startStoreProxy(server.url)
    const bucket = await makeBucket(server.url)
    // To read a value and to read the tags beside it are two permissions of S3's.
    proxy.answerWith(operation => (operation.startsWith('closed:') || operation === 'manager:GetObject' ? refusal(403, 'AccessDenied') : undefined))
    return {
      driver: driverAt(proxy.url, bucket),
      second: driverAt(proxy.url, bucket),
      denied: driverAt(proxy.url, bucket, 'closed'),
      manageOnly: driverAt(proxy.url, bucket, 'manager'),
      unreachable: driverAt(`http://127.0.0.1:${await freePort()}`, bucket),
      outOfBand: outOfBand(`${server.url}/${bucket}`),
      faults: {
        loseNextResponse: async () => proxy.inject({ kind: 'lose' }),
        throttleNext: async (count, retryAfterMs) => proxy.inject({ kind: 'throttle', retryAfterMs }, { count }),
        requests: async () => proxy.requests(),
        stallNext: async () => proxy.inject({ kind: 'stall' }),
        wire: async (fault, count, after) => (count === 0 ? proxy.clearFaults() : proxy.inject(WIRE_FAULTS[fault], { count, after })),
      },
      dispose: () => proxy.stop(),
    }
  }

  describeDriver('example-object-store', start, { require: hookNames, where: "moto 5.2.5's S3 on loopback; denials from a proxy" })
})

/** The newest object of a path, by plain requests. */
function outOfBand(url: string): OutOfBand {
  const numbers = async (path: string): Promise<readonly string[]> => {
    const list = await raw(`${url}?list-type=2&max-keys=1000&prefix=${path}/`)
    return [...(await list.text()).matchAll(/\/(\d{8})<\/Key>/g)].map(([, number = '']) => number)
  }
  return {
    read: async path => {
      const newest = (await numbers(path)).at(-1)
      return newest === undefined ? undefined : new Uint8Array(await (await raw(`${url}/${path}/${newest}`)).arrayBuffer())
    },
    write: async (path, bytes) => {
      const next = String(Number((await numbers(path)).at(-1)) + 1).padStart(8, '0')
      await raw(`${url}/${path}/${next}`, { method: 'PUT', body: Uint8Array.from(bytes), headers: { 'content-type': 'text/plain;charset=utf-8' } })
    },
  }
}
