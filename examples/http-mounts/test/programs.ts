import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The machine's own program of the runtime; undefined where it has none. With STRONGROOM_REQUIRE_BACKENDS=all it throws instead. */
export function programOf(runtime: 'bun' | 'deno'): string | undefined {
  const programs = (process.env['PATH'] ?? '').split(delimiter).map(folder => join(folder, runtime))
  const program = programs.find(file => existsSync(file))
  if (program === undefined && process.env['STRONGROOM_REQUIRE_BACKENDS'] === 'all') {
    throw new Error(`STRONGROOM_REQUIRE_BACKENDS=all, but there is no ${runtime}`)
  }
  return program
}
