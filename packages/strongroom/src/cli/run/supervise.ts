import { spawn, type ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { UsageError } from '../failure.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** Runs it with this process's terminal, passes signals on, and answers its exit code as a shell would. */
export async function endOf(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  let child: ChildProcess | undefined
  const passOn = (signal: NodeJS.Signals): void => void child?.kill(signal)
  // Before it starts: a signal in between must not end this process and leave the command alone.
  for (const signal of SIGNALS) process.on(signal, passOn)
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
    for (const signal of SIGNALS) process.off(signal, passOn)
  }
}
