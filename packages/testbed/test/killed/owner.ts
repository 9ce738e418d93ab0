// Starts the server that its argument names, tells its URL, and lives until it is killed, or its input ends because the test was.
import { startDrongo, startMoto, startOpenBao, type TestServer } from '@strongroom/testbed'
import { startOneAtATime } from '../../src/one-at-a-time.ts'

const starts: Readonly<Record<string, () => Promise<Pick<TestServer, 'url'>>>> = {
  moto: startMoto,
  drongo: startDrongo,
  'one-at-a-time': () => startOneAtATime('http://127.0.0.1:9'),
  openbao: startOpenBao,
  'openbao-tls': () => startOpenBao({ tls: true }),
}

const start = starts[process.argv[2] ?? '']
if (start === undefined) throw new Error(`one of ${Object.keys(starts).join(', ')} is allowed`)
const { url } = await start()
process.stdout.write(`${url}\n`)
process.stdin.resume().once('end', () => process.exit())
