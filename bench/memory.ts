// Whether the heap stays as it is over 100,000 operations of a registry and its reader, with SQLite and the memory store: measured after the
// garbage collector, once everything has been used a while, and at the end. In a process of its own (`memory-child.ts`).
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { print, type Row } from './measure.ts'

const GOAL = 0.1
const MEGABYTE = 1 << 20

export async function memory({ operations = 100_000 }: { readonly operations?: number } = {}): Promise<readonly Row[]> {
  const child = fork(new URL('memory-child.ts', import.meta.url), [String(operations)], { execArgv: [...process.execArgv, '--expose-gc'] })
  // It may end with neither, which must not look like an answer.
  const [answer] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown]
  if (typeof answer !== 'object' || answer === null) throw new Error(`the process that measures ended with ${String(answer)}`)
  const { before, after } = answer as { readonly before: number; readonly after: number }
  const growth = after / before - 1
  return [
    {
      what: `SQLite: heap after ${operations} operations, beside before them`,
      ours: `${(after / MEGABYTE).toFixed(2)} MB`,
      baseline: `${(before / MEGABYTE).toFixed(2)} MB`,
      difference: `${growth < 0 ? '-' : '+'} ${(Math.abs(growth) * 100).toFixed(1)} %`,
      goal: `within ${GOAL * 100} %`,
      reached: Math.abs(growth) <= GOAL,
    },
  ]
}

if (import.meta.main) print(await memory())
