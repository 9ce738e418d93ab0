// What `strongroom --help` costs a person, as built, beside a Node process that does nothing.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { alternately, print, type Row } from './measure.ts'

const GOAL_MS = 60
const run = promisify(execFile)
const main = fileURLToPath(new URL('../packages/strongroom/dist/cli/main.js', import.meta.url))
const empty = fileURLToPath(new URL('empty.mjs', import.meta.url))

export async function help({ rounds = 40, warmUp = 3 }: { readonly rounds?: number; readonly warmUp?: number } = {}): Promise<Row> {
  if (!existsSync(main)) throw new Error('strongroom is not built: run `npm run build`')
  const times = await alternately(
    { help: () => run(process.execPath, [main, '--help']), empty: () => run(process.execPath, [empty]) },
    { rounds, warmUp },
  )
  return {
    what: 'strongroom --help, beside an empty process',
    ours: `${times.help.toFixed(1)} ms`,
    baseline: `${times.empty.toFixed(1)} ms`,
    difference: `+ ${(times.help - times.empty).toFixed(1)} ms`,
    goal: `≤ + ${GOAL_MS} ms`,
    reached: times.help - times.empty <= GOAL_MS,
  }
}

if (import.meta.main) print([await help()])
