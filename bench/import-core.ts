// What the first `import('@strongroom/core')` of a process costs, from what is published, beside the import of an empty module.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { alternately, print, type Row } from './measure.ts'

const GOAL_MS = 10
const run = promisify(execFile)
const built = new URL('../packages/core/dist/index.js', import.meta.url)
const empty = new URL('empty.mjs', import.meta.url)

export async function importCore({ rounds = 25, warmUp = 3 }: { readonly rounds?: number; readonly warmUp?: number } = {}): Promise<Row> {
  if (!existsSync(built)) throw new Error('@strongroom/core is not built: run `npm run build`')
  const times = { core: [] as number[], empty: [] as number[] }
  await alternately(
    { core: async () => times.core.push(await importIn(built)), empty: async () => times.empty.push(await importIn(empty)) },
    { rounds, warmUp },
  )
  const [core, nothing] = [middle(times.core.slice(warmUp)), middle(times.empty.slice(warmUp))]
  return {
    what: "import('@strongroom/core'), beside an empty module",
    ours: `${core.toFixed(1)} ms`,
    baseline: `${nothing.toFixed(1)} ms`,
    difference: `+ ${(core - nothing).toFixed(1)} ms`,
    goal: `≤ + ${GOAL_MS} ms`,
    reached: core - nothing <= GOAL_MS,
  }
}

/** Milliseconds of the import, measured inside a new process. */
async function importIn(url: URL): Promise<number> {
  const script = `const startedAt = performance.now(); await import(${JSON.stringify(url.href)}); process.stdout.write(String(performance.now() - startedAt))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script])
  return Number(stdout)
}

function middle(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
}

if (import.meta.main) print([await importCore()])
