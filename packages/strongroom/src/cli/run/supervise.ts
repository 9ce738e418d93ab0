import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { UsageError } from '../failure.ts'

/** What others send to a process that they know by its number. Node would open its debugger for SIGUSR1, here, where values are. */
const SENT = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const
/** What a terminal, and a shell for it, sends to every process that is in front: the command has it already, and may count how often. */
const OF_A_TERMINAL = ['SIGINT', 'SIGQUIT', 'SIGCONT', 'SIGWINCH'] as const

/** Runs it with this process's terminal, passes signals on, and answers its exit code as a shell would. */
export async function endOf(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  let child: ChildProcess | undefined
  const passOn = (signal: NodeJS.Signals): void => void child?.kill(signal)
  const passOnOnce = (signal: NodeJS.Signals): void => void (isInFront() || child?.kill(signal))
  // Before it starts: a signal in between must not end this process and leave the command alone.
  for (const signal of SENT) process.on(signal, passOn)
  for (const signal of OF_A_TERMINAL) process.on(signal, passOnOnce)
  try {
    const started = spawn(command, args, { env, stdio: 'inherit' })
    child = started
    return await new Promise((done, fail) => {
      started.once('error', error => {
        const isMissing = 'code' in error && error.code === 'ENOENT'
        fail(new UsageError(isMissing ? `there is no command ${JSON.stringify(command)}` : `the command ${JSON.stringify(command)} cannot be run`))
      })
      started.once('exit', (code, signal) => done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
    })
  } finally {
    for (const signal of SENT) process.off(signal, passOn)
    for (const signal of OF_A_TERMINAL) process.off(signal, passOnOnce)
  }
}

/** Whether this process and its command are what the terminal's keys go to. Who sent a signal Node does not say. */
function isInFront(): boolean {
  try {
    // Linux: pid (name) state ppid group session terminal foreground-group; the name may hold anything.
    const [, , group, , , foreground] = (/.*\) (.*)/s.exec(readFileSync('/proc/self/stat', 'latin1'))?.[1] ?? '').split(' ')
    return group !== undefined && group === foreground
  } catch {
    return [0, 1, 2].some(descriptor => isatty(descriptor))
  }
}
