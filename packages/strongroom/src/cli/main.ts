#!/usr/bin/env node
import { CommanderError } from 'commander'
import { EXIT } from './exit-codes.ts'
import { program } from './program.ts'

// As in `strongroom list | head -1`; `serve` takes it away.
process.stdout.on('error', () => process.exit(EXIT.unread))

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
