#!/usr/bin/env node
import { CommanderError } from 'commander'
import { EXIT } from './exit-codes.ts'
import { program } from './program.ts'

// As in `strongroom list | head -1`; `serve` takes it away.
process.stdout.on('error', () => process.exit(EXIT.unread))

// Node 22 would say before each answer that SQLite is experimental in it; others' warnings are not ours.
const emitWarning = process.emitWarning.bind(process)
process.emitWarning = (warning: string | Error, ...more: unknown[]): void => {
  if (!String(warning).startsWith('SQLite is an experimental feature')) Reflect.apply(emitWarning, undefined, [warning, ...more])
}

// Node would open its debugger, in a process that may hold values.
process.on('SIGUSR1', () => {})

try {
  await program().parseAsync()
} catch (error) {
  // Help and its like have been shown: nothing more is loaded for them.
  if (!(error instanceof CommanderError && error.exitCode === 0)) {
    const { exitCodeOf, messageOf } = await import('./failure.ts')
    const message = messageOf(error)
    if (message !== undefined) process.stderr.write(`${message}\n`)
    process.exitCode = exitCodeOf(error)
  }
}
