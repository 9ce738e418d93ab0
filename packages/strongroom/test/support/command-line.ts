import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { tmpdir } from 'node:os'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { spawn as spawnTerminal } from '@lydell/node-pty'

/** The command as it is built. */
export const MAIN: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

interface Typed {
  /** Once this is on the screen, after what was typed before. */
  readonly at: string
  readonly keys: string
}

export interface Started {
  readonly input?: string | Uint8Array
  readonly environment?: NodeJS.ProcessEnv
  /** On a pseudo-terminal, with what a person types there. */
  readonly terminal?: readonly Typed[]
  readonly columns?: number
}

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
  /** What a pseudo-terminal showed. */
  readonly screen: string
}

/** In a folder, with these variables and no others of this process but PATH. */
export function startCommand(folder: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: environmentOf(environment), stdio: 'pipe' })
}

export async function endOf(child: ChildProcessWithoutNullStreams): Promise<Omit<Ended, 'screen'>> {
  const code = new Promise<number>(done => child.once('close', ended => done(ended ?? -1)))
  const [out, err] = await Promise.all([buffer(child.stdout), buffer(child.stderr)])
  return { code: await code, out: out.toString(), err: err.toString() }
}

function environmentOf(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: tmpdir(), NO_COLOR: '1', ...environment }
}

/** Runs it to its end, with nothing of this process's environment but the path. */
export async function commandLine(folder: string, args: readonly string[], more: Started = {}): Promise<Ended> {
  const { terminal, columns = 80, environment = {}, input = '' } = more
  if (terminal !== undefined) return await onTerminal(folder, args, environmentOf(environment), terminal, columns)
  const child = startCommand(folder, args, environment)
  child.stdin.on('error', () => {}) // it may end without having read
  child.stdin.end(input)
  return { ...(await endOf(child)), screen: '' }
}

async function onTerminal(folder: string, args: readonly string[], env: NodeJS.ProcessEnv, typed: readonly Typed[], cols: number): Promise<Ended> {
  const terminal = spawnTerminal(process.execPath, [MAIN, ...args], { cwd: folder, env: env as Record<string, string>, cols, rows: 40 })
  let screen = ''
  let from = 0
  const left = [...typed]
  terminal.onData(data => {
    screen += data
    const [next] = left
    if (next === undefined || !screen.includes(next.at, from)) return
    left.shift()
    from = screen.length
    terminal.write(next.keys)
  })
  const code = await new Promise<number>(done => terminal.onExit(({ exitCode }) => done(exitCode)))
  return { code, out: '', err: '', screen }
}

/** What is read on a screen: without what moves the cursor or colours. */
export function visible(screen: string): string {
  // oxlint-disable-next-line no-control-regex
  return screen.replaceAll(/\x1b(?:\[[0-9;?]*[A-Za-z]|[78])/g, '')
}
