import { drongo, freePort, HOST } from './place.ts'
import { startProgram, type TestServer } from './start-program.ts'

/** drongo, an independent imitation of Google Secret Manager, over REST. */
export async function startDrongo(): Promise<TestServer> {
  const port = await freePort()
  return await startProgram(drongo, ['server', '--host', HOST, '--port', String(port)], `http://${HOST}:${port}`, '/', 'drongo 0.8.0 on loopback')
}
