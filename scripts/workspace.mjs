// What every command at the root does first: install the workspace if it is not, and put its Node first in the PATH.
// Plain JavaScript for the Node that happens to be on the machine: nothing is installed yet when it starts.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const bin = join(root, 'node_modules', '.bin')
const stamp = join(root, 'node_modules', '.strongroom-installed')
const TRIES = 3

/** The environment of every child: the workspace's own Node and tools first. */
export const environment = {
  ...process.env,
  PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
}

/** A line to a person, on standard error: standard output is the command's own. */
export function say(line) {
  process.stderr.write(`${line}\n`)
}

/** Installs with the pinned pnpm, unless the lock file is the one installed last. */
export async function ensureInstalled() {
  const { packageManager } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const lock = createHash('sha256')
    .update(await readFile(join(root, 'pnpm-lock.yaml')))
    .digest('hex')
  if (existsSync(stamp) && existsSync(join(bin, 'node')) && (await readFile(stamp, 'utf8')) === lock) return
  say(`installing the workspace with ${packageManager} (once; about a minute)`)
  for (let attempt = 1; ; attempt += 1) {
    const code = await run('npx', ['--yes', packageManager, 'install', '--frozen-lockfile', '--reporter=silent'], {
      env: process.env,
      toStderr: true,
    })
    if (code === 0) break
    if (attempt === TRIES)
      throw new Error(`installing failed ${TRIES} times (exit code ${code}); run: npx ${packageManager} install --frozen-lockfile`)
    say('that failed; trying again')
  }
  await writeFile(stamp, lock)
}

/** Runs a command in the workspace, with the person's terminal; resolves to its exit code. */
export function run(command, args, { env = environment, cwd = root, toStderr = false } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd, env, stdio: ['inherit', toStderr ? process.stderr : 'inherit', 'inherit'] })
    const passOn = signal => child.kill(signal)
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, passOn)
    child.on('error', fail)
    child.on('close', (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM']) process.off(name, passOn)
      done(code ?? (signal === null ? 1 : 128))
    })
  })
}

/** Ends this process with the message alone: a stack of these scripts helps nobody. */
export function fail(error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
