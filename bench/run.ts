// The benchmarks, as one table: all, or the parts that are named. The packages must be built: they are measured as they are published.
import { print, type Row } from './measure.ts'

// Loaded by those who are measured alone: what one part loads is no cost of another.
const PARTS: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  import: async () => [await (await import('./import-core.ts')).importCore()],
  help: async () => [await (await import('./help.ts')).help()],
  get: async () => [...(await (await import('./aws-get.ts')).awsGet()), ...(await (await import('./get.ts')).gets())],
  pages: async () => await (await import('./pages.ts')).pages(),
  creates: async () => await (await import('./creates.ts')).creates(),
  'one-key': async () => await (await import('./one-key.ts')).oneKey(),
  memory: async () => await (await import('./memory.ts')).memory(),
  migration: async () => await (await import('./migration.ts')).migration(),
  http: async () => await (await import('./http.ts')).http(),
  mixed: async () => await (await import('./http.ts')).mixed(),
  recovery: async () => await (await import('./recovery.ts')).recovery(),
}

const named = process.argv.slice(2)
const wrong = named.filter(name => !Object.hasOwn(PARTS, name))
if (wrong.length > 0) throw new Error(`no such part: ${wrong.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`)
const rows: Row[] = []
// One after the other, so that none slows the other.
for (const [name, part] of Object.entries(PARTS)) if (named.length === 0 || named.includes(name)) rows.push(...(await part()))
print(rows)
