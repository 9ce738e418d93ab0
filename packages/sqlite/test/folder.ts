import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))
const run = promisify(execFile)

/** A new folder for one test, gone when the test has ended. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-sqlite-'))
  try {
    await body(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Runs `child.ts` in a process of its own and answers what it printed. */
export async function child(...parameters: readonly string[]): Promise<unknown> {
  const { stdout } = await run(process.execPath, childArguments(parameters), { timeout: 25_000 })
  return JSON.parse(stdout)
}

/** The same with a limit on the size of files, which is how a full disk looks without filling one. */
export async function childWithFileLimit(kilobytes: number, ...parameters: readonly string[]): Promise<unknown> {
  const script = `ulimit -f ${kilobytes} && exec "$@"`
  const { stdout } = await run('bash', ['-c', script, 'bash', process.execPath, ...childArguments(parameters)], { timeout: 25_000 })
  return JSON.parse(stdout)
}

function childArguments(parameters: readonly string[]): string[] {
  return ['--conditions=@strongroom/source', CHILD, ...parameters]
}
