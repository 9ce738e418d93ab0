import { readFile } from 'node:fs/promises'
import { decodeName, type Adoption, type AdoptionReport, type NativePath } from '@strongroom/core'
import { EXIT } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import { printJson, printTable } from '../output.ts'
import type { AccountOptions } from '../program.ts'
import { startProgress } from '../progress.ts'
import { accountOf, actorOf, withRoom } from '../session.ts'

interface AdoptArguments extends AccountOptions {
  readonly store: string
  readonly prefix?: string
  readonly match?: string
  readonly rename?: string
  readonly keys?: 'portable' | 'any'
  readonly dryRun?: boolean
}

const STANDS_IN_THE_WAY: readonly Adoption['outcome'][] = ['key_taken', 'key_invalid', 'unreadable']

export async function adopt(options: AdoptArguments): Promise<void> {
  const { store, prefix, match, rename, keys, dryRun, json } = options
  const account = accountOf(options)
  const pattern = match === undefined ? undefined : patternOf(match)
  const names = rename === undefined ? {} : await namesOf(rename)
  await withRoom(options, async (room, signal) => {
    const migrator = await room.migrator(actorOf(options))
    const filter = ({ path }: { readonly path: NativePath }): boolean => (pattern?.test(path) ?? true) && names[path] !== null
    const keyOf = (path: NativePath): string => {
      const rest = path.slice(prefix?.length ?? 0)
      return names[path] ?? decodeName(rest) ?? rest
    }
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

async function namesOf(file: string): Promise<Readonly<Record<string, string | null>>> {
  const names: unknown = await readFile(file, 'utf8')
    .then(text => JSON.parse(text) as unknown)
    .catch(() => undefined)
  const isNames = typeof names === 'object' && names !== null && !Array.isArray(names)
  if (!isNames || !Object.values(names).every(name => name === null || typeof name === 'string')) {
    throw new UsageError('--rename is a file with a JSON object: for each path a key, or null to leave it out')
  }
  return names as Readonly<Record<string, string | null>>
}
