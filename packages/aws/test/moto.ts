import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { AwsCredentials } from '../src/index.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const MOTO = join(ROOT, '.venv', 'bin', 'moto_server')
const HOST = '127.0.0.1'
const START_MS = 60_000

export const python: string = join(ROOT, '.venv', 'bin', 'python')
/** An endpoint that the user has: their emulator, or AWS itself by its URL. */
const given = process.env['STRONGROOM_AWS_ENDPOINT'] ?? process.env['AWS_ENDPOINT_URL'] ?? ''

export const region: string = process.env['AWS_REGION'] ?? 'eu-west-1'
/** moto's account is the default one. */
export const accountId: string = process.env['STRONGROOM_AWS_ACCOUNT_ID'] ?? '123456789012'
/** An endpoint over TLS is taken for a real one, which is asked with the credentials of the environment. */
export const signed: { readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } } = given.startsWith('https:')
  ? {}
  : { credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'only-for-tests' } }
export const credentials: AwsCredentials | undefined = signed.credentials

/** Why there is no server to test against; undefined when there is one. With STRONGROOM_REQUIRE_BACKENDS=all it throws instead. */
export function noBackend(): string | undefined {
  if (given !== '') return undefined
  if (existsSync(MOTO)) return undefined
  const reason = 'there is no .venv with moto: run `node scripts/provision-python.mjs`'
  if (process.env['STRONGROOM_REQUIRE_BACKENDS'] === 'all') throw new Error(`STRONGROOM_REQUIRE_BACKENDS=all, but ${reason}`)
  return reason
}

/** The title of a suite that needs the server: it says why when the suite is skipped. */
export function suite(title: string, missing: string | undefined): string {
  return missing === undefined ? title : `${title} (skipped: ${missing})`
}

export interface AwsServer {
  readonly endpoint: string
  /** What answers: for reports. */
  readonly where: string
  readonly stop: () => Promise<void>
}

/** moto on a free port of the loopback, or the server that the environment names, which is left as it is. */
export async function startAws(): Promise<AwsServer> {
  if (given !== '') return { endpoint: given, where: 'the endpoint of the environment', stop: async () => {} }
  const port = await freePort()
  const child = spawn(MOTO, ['-H', HOST, '-p', String(port)], { stdio: 'ignore' })
  // However this process ends, the server that it started ends too.
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const endpoint = `http://${HOST}:${port}`
  const stop = async (): Promise<void> => {
    process.removeListener('exit', kill)
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await Promise.race([gone, delay(3_000, undefined, { ref: false })])
    if (child.exitCode === null && child.signalCode === null) {
      kill()
      await gone
    }
  }
  try {
    await healthy(child, endpoint)
  } catch (error) {
    await stop()
    throw error
  }
  return { endpoint, where: 'moto 5.2.5 on loopback', stop }
}

/** Whether the tests run against moto, whose known faults are then expected. */
export async function isMoto(): Promise<boolean> {
  if (given === '') return true
  try {
    const answer = await fetch(new URL('/moto-api/data.json', given), { signal: AbortSignal.timeout(2_000) })
    await answer.body?.cancel()
    return answer.ok
  } catch {
    return false
  }
}

async function healthy(child: ChildProcess, endpoint: string): Promise<void> {
  let failed: Error | undefined
  child.once('error', error => {
    failed = error
  })
  const until = performance.now() + START_MS
  for (;;) {
    if (failed !== undefined) throw failed
    if (child.exitCode !== null) throw new Error(`moto ended with ${child.exitCode}`)
    try {
      const answer = await fetch(`${endpoint}/moto-api/data.json`, { signal: AbortSignal.timeout(2_000) })
      await answer.body?.cancel()
      if (answer.ok) return
    } catch (error) {
      if (performance.now() > until) throw error
    }
    await delay(100)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
