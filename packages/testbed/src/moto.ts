import { startOneAtATime } from './one-at-a-time.ts'
import { freePort, HOST, moto } from './place.ts'
import { startProgram, type TestServer } from './start-program.ts'

/**
 * moto, an independent imitation of AWS. It serves requests in several threads without locks: it walks through its secrets while
 * another thread adds one (HTTP 500), and of 8 creators of an object at once two may win. So it gets one request at a time.
 */
export async function startMoto(): Promise<TestServer> {
  const port = await freePort()
  const direct = `http://${HOST}:${port}`
  const program = await startProgram(moto, ['-H', HOST, '-p', String(port)], direct, '/moto-api/data.json', 'moto 5.2.5 on loopback')
  const { url, stop } = await startOneAtATime(direct)
  return {
    ...program,
    url,
    stop: async () => {
      await stop()
      await program.stop()
    },
  }
}
