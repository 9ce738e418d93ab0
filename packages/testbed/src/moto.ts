import { freePort, HOST, moto } from './place.ts'
import { startProgram, type TestServer } from './start-program.ts'

/** moto, an independent imitation of AWS. */
export async function startMoto(): Promise<TestServer> {
  const port = await freePort()
  return await startProgram(moto, ['-H', HOST, '-p', String(port)], `http://${HOST}:${port}`, '/moto-api/data.json', 'moto 5.2.5 on loopback')
}
