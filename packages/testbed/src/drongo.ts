import { freePort, HOST, python } from './place.ts'
import { startProgram, type TestServer } from './start-program.ts'

/** It sends the head and the body of an answer apart, and the body would wait for the client's delayed acknowledgement: 40 ms each. */
const PROGRAM = `
import sys
from socketserver import StreamRequestHandler
from drongo.cli import main
StreamRequestHandler.disable_nagle_algorithm = True
sys.exit(main())
`

/** drongo, an independent imitation of Google Secret Manager, over REST. */
export async function startDrongo(): Promise<TestServer> {
  const port = await freePort()
  const args = ['-c', PROGRAM, 'server', '--host', HOST, '--port', String(port)]
  return await startProgram(python, args, `http://${HOST}:${port}`, '/', 'drongo 0.8.0 on loopback')
}
