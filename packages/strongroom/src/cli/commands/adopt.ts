import { readFile } from 'node:fs/promises'
import { decodeName, type Adoption, type AdoptionReport, type AdoptOptions, type NativePath, type SecretMigrator } from '@strongroom/core'
import { andMore } from '../and-more.ts'
import { EXIT } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import { printJson, printTable } from '../output.ts'
import type { AccountOptions } from '../program.ts'
import { startProgress } from '../progress.ts'
import { accountOf, actorOf, withRoom } from '../session.ts'
import { checkStoreName } from '../store-name.ts'

interface AdoptArguments extends AccountOptions {
  readonly store: string
  readonly prefix?: string
  readonly match?: string
  readonly rename?: string
  readonly keys?: 'portable' | 'any'
  readonly dryRun?: boolean
}

/** Paths that an error names. */
const SHOWN = 5
const STANDS_IN_THE_WAY: readonly Adoption['outcome'][] = ['key_taken', 'key_invalid', 'unreadable']

export async function adopt(options: AdoptArguments): Promise<void> {
  const { store, prefix, match, rename, keys, dryRun, json } = options
  const account = accountOf(options)
  const pattern = match === undefined ? undefined : patternOf(match)
  const names = rename === undefined ? new Map<string, string | null>() : await namesOf(rename)
  await withRoom(options, async (room, signal) => {
    checkStoreName(store, room.config.stores)
    const migrator = await room.migrator(actorOf(options))
    const filter = ({ path }: { readonly path: NativePath }): boolean => (pattern?.test(path) ?? true) && names.get(path) !== null
    const keyOf = (path: NativePath): string => {
      const rest = path.slice(prefix?.length ?? 0)
      return names.get(path) ?? decodeName(rest) ?? rest
    }
    if (names.size > 0) await requireThere(migrator, { account, store, prefix, signal }, [...names.keys()])
    const run = migrator.adopt({ account, store, prefix, filter, key: keyOf, keys, dryRun, signal })
    const adoptions: Adoption[] = []
    let report: AdoptionReport
    try {
      using progress = startProgress({ label: dryRun === true ? 'look' : 'adopt', unit: 'secrets', json })
      let step = await run.next()
      for (; step.done !== true; step = await run.next()) {
        progress.add()
        if (json === true) printJson(step.value)
        else adoptions.push(step.value)
      }
      report = step.value
    } finally {
      // Also of a run that ends with an error or by Ctrl-C: what it has adopted stands.
      if (adoptions.length > 0) {
        printTable(
          ['OUTCOME', 'PATH', 'KEY'],
          adoptions.map(({ outcome, path, key: name }) => [outcome, path, name]),
        )
      }
    }
    if (STANDS_IN_THE_WAY.some(outcome => report[outcome] > 0)) process.exitCode = EXIT.failed
    if (json === true) return printJson(report)
    const counts = Object.entries(report).flatMap(([outcome, count]) => (count > 0 ? [`${count} ${outcome}`] : []))
    process.stdout.write(`${counts.length === 0 ? 'nothing is there' : counts.join(', ')}\n`)
  })
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text, 'u')
  } catch {
    throw new UsageError('--match is a regular expression of JavaScript')
  }
}

async function namesOf(file: string): Promise<ReadonlyMap<string, string | null>> {
  const names: unknown = await readFile(file, 'utf8')
    .then(text => JSON.parse(text) as unknown)
    .catch(() => undefined)
  const isNames = typeof names === 'object' && names !== null && !Array.isArray(names)
  if (!isNames || !Object.values(names).every(name => name === null || typeof name === 'string')) {
    throw new UsageError('--rename is a file with a JSON object: for each path a key, or null to leave it out')
  }
  return new Map(Object.entries(names as Readonly<Record<string, string | null>>))
}

/** Only lists. Where a path is misspelt, its secret would be adopted by another key, or although it was to be left out. @throws UsageError */
async function requireThere(migrator: SecretMigrator, place: Omit<AdoptOptions, 'filter'>, paths: readonly string[]): Promise<void> {
  const missing = new Set(paths)
  const filter = ({ path }: { readonly path: NativePath }): boolean => {
    missing.delete(path)
    return false
  }
  for await (const _ of migrator.adopt({ ...place, filter }));
  if (missing.size === 0) return
  const shown = [...missing].slice(0, SHOWN).map(path => JSON.stringify(path))
  const under = place.prefix === undefined ? '' : ` under ${JSON.stringify(place.prefix)}`
  throw new UsageError(`--rename: not in ${place.store}${under}: ${andMore(shown, missing.size)}; nothing was adopted`)
}
