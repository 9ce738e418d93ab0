import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The machine's own program of the runtime; undefined where it has none. */
export function programOf(runtime: 'bun' | 'deno'): string | undefined {
  const programs = (process.env['PATH'] ?? '').split(delimiter).map(folder => join(folder, runtime))
  return programs.find(program => existsSync(program))
}
