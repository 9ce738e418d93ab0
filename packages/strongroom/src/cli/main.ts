#!/usr/bin/env node
import { exitCodeOf, messageOf } from './failure.ts'
import { program } from './program.ts'

try {
  await program().parseAsync()
} catch (error) {
  const message = messageOf(error)
  if (message !== undefined) process.stderr.write(`${message}\n`)
  process.exitCode = exitCodeOf(error)
}
