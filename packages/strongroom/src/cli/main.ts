#!/usr/bin/env node
import { EXIT, exitCodeOf, messageOf } from './failure.ts'
import { program } from './program.ts'

// Whoever reads the output has gone, as in `strongroom list | head -1`.
process.stdout.on('error', () => process.exit(EXIT.unread))

try {
  await program().parseAsync()
} catch (error) {
  const message = messageOf(error)
  if (message !== undefined) process.stderr.write(`${message}\n`)
  process.exitCode = exitCodeOf(error)
}
