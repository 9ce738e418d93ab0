#!/usr/bin/env node
import { CommanderError } from 'commander'
import { program } from './program.ts'
import { endUnread } from './unread.ts'

process.stdout.on('error', endUnread)

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
