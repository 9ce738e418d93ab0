import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { tmpdir } from 'node:os'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** The command as it is built. */
export const MAIN: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** In a folder, with these variables and no others of this process but PATH. */
export function startCommand(folder: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
  const env = { PATH: process.env['PATH'], HOME: tmpdir(), NO_COLOR: '1', ...environment }
  return spawn(process.execPath, [MAIN, ...args], { cwd: folder, env, stdio: 'pipe' })
}

export async function endOf(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const code = new Promise<number | null>(done => child.once('close', done))
  const [out, err] = await Promise.all([buffer(child.stdout), buffer(child.stderr)])
  return { code: await code, out: out.toString(), err: err.toString() }
}

export async function runCommand(folder: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const child = startCommand(folder, args, environment)
  child.stdin.end()
  return await endOf(child)
}
