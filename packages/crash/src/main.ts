// `npm run crash`: see docs/crash-matrix.md.
import process from 'node:process'
import { parseArgs } from 'node:util'
import { backends, backendOf } from './backends/index.ts'
import { databases, databaseOf, stopDatabases } from './databases/index.ts'
import { knockOutOf, knockOuts } from './knock-outs.ts'
import { runMatrix, type MatrixResult } from './matrix.ts'
import { migrateKilled } from './moves/killed.ts'
import { moveReportOf, runMoves } from './moves/matrix.ts'
import { moveScenariosOf } from './moves/scenarios.ts'
import { reportOf, summaryOf } from './report.ts'
import type { Result } from './run-scenario.ts'
import { scenariosOf, type Scenario } from './scenarios.ts'
import { soak } from './soak.ts'

const USAGE = `npm run crash                                every failpoint of every operation on every backend
npm run crash -- --seed 7 --only TEXT        the scenarios whose name has the text
npm run crash -- --backends aws,gcp          some backends; --databases likewise
npm run crash -- --list                      the names
npm run crash -- --knock-out all             each rule of the protocol switched off in turn, or one by its name
npm run crash -- --moves                     migrations from each backend to the next one, likewise; --list and --only, too
npm run crash -- --killed 10000              so many secrets migrated, the process killed 20 times; --backends FROM,TO
npm run crash -- --soak MINUTES              random operations, kills and faults; with --moves, migrations between two backends too
options: --seed NUMBER (default: a random one), --jobs NUMBER of backends at once (default 2), --verbose`

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const tell = (line: string): void => void process.stderr.write(`${line}\n`)

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    only: { type: 'string', default: '' },
    backends: { type: 'string' },
    databases: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    'knock-out': { type: 'string' },
    soak: { type: 'string' },
    killed: { type: 'string' },
    kills: { type: 'string', default: '20' },
    moves: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
// So that `exit` is told, by which servers and children end.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const seed = whole('seed', values.seed)
const jobs = whole('jobs', values.jobs)
const chosen = values.backends === undefined ? backends : values.backends.split(',').map(backendOf)
const missing = chosen.map(backend => ({ backend, why: backend.missing?.() })).filter(({ why }) => why !== undefined)
for (const { backend, why } of missing) tell(`${backend.name} is left out: ${why}`)
const present = chosen.filter(backend => !missing.some(one => one.backend === backend))
const stores = values.databases === undefined ? databases : values.databases.split(',').map(databaseOf)
const moves = moveScenariosOf(present, stores).filter(({ name }) => name.includes(values.only))
const scenarios = scenariosOf(present, stores).filter(({ name }) => name.includes(values.only))

try {
  if (values.help) say(USAGE)
  else if (values.list) for (const { name } of values.moves ? moves : scenarios) say(name)
  else if (values.soak !== undefined) await runSoak(Number(values.soak))
  else if (values.moves) await move()
  else if (values.killed !== undefined) await killed(whole('killed', values.killed))
  else if (values['knock-out'] !== undefined) await knockOut(values['knock-out'])
  else await matrix()
} finally {
  await stopDatabases()
}

async function matrix(): Promise<void> {
  tell(`${scenarios.length} scenarios, seed ${seed}`)
  const result = await runMatrix(scenarios, {
    seed,
    jobs,
    onResult: ({ scenario, end, findings, ms }) => {
      if (values.verbose || findings.length > 0) tell(`${findings.length === 0 ? 'ok' : 'NOT OK'} ${scenario.name}: ${end} (${Math.round(ms)} ms)`)
    },
  })
  say(reportOf(result))
  if (isBad(result)) {
    tell(`\nto see one again: npm run crash -- --seed ${seed} --only NAME`)
    process.exitCode = 1
  }
  if (scenarios.length === 0) throw new Error('no scenario has that name')
}

/** Two backends, AWS and Azure unless others are named; the first database of those that are. */
async function killed(secrets: number): Promise<void> {
  const [from, to] = values.backends === undefined ? ['aws', 'azure'].map(backendOf) : present
  const [database] = stores
  if (from === undefined || to === undefined || database === undefined) throw new RangeError('--backends are two')
  const startedAt = performance.now()
  const result = await migrateKilled({ pair: [from, to], database, secrets, kills: whole('kills', values.kills), seed, say: tell })
  const { puts, mostPuts, moved, resumed, missing, different, leftovers, unfinished, kills } = result
  say(
    `${from.name} to ${to.name}, ${database.name}, seed ${seed}: ${secrets} secrets, ${kills} kills, ${Math.round((performance.now() - startedAt) / 1000)} seconds`,
  )
  say(`puts ${puts ?? 'not seen'} of ${mostPuts} at most, told of ${moved}, taken over ${resumed}`)
  say(`missing ${missing}, different ${different}, leftovers ${leftovers}, unfinished ${unfinished}`)
  if (missing + different + leftovers + unfinished > 0 || (puts ?? 0) > mostPuts) process.exitCode = 1
}

async function move(): Promise<void> {
  if (moves.length === 0) throw new Error('no scenario has that name')
  tell(`${moves.length} scenarios, seed ${seed}`)
  const results = await runMoves(moves, {
    seed,
    jobs,
    onResult: ({ scenario, end, findings, puts, ms }) => {
      const text = `${findings.length === 0 ? 'ok' : 'NOT OK'} ${scenario.name}: ${end}, ${puts} puts (${Math.round(ms)} ms)`
      if (values.verbose || findings.length > 0) tell(text)
    },
  })
  say(moveReportOf(results))
  if (results.every(({ findings }) => findings.length === 0)) return
  tell(`\nto see one again: npm run crash -- --moves --seed ${seed} --only NAME`)
  process.exitCode = 1
}

/** Each rule taken out must be seen by a scenario. */
async function knockOut(name: string): Promise<void> {
  const rules = name === 'all' ? knockOuts : [name]
  let unseen = 0
  for (const rule of rules) {
    const { seenBy } = knockOutOf(rule)
    const likely = scenarios.filter(scenario => seenBy.test(scenario.name))
    const seen = (await firstSeen(rule, likely)) ?? (await firstSeen(rule, scenarios))
    if (seen === undefined) unseen += 1
    say(seen === undefined ? `NOT SEEN  ${rule}` : `seen      ${rule}\n          by ${seen}`)
  }
  say(`\nrules ${rules.length}, not seen ${unseen}`)
  if (unseen > 0) process.exitCode = 1
}

async function firstSeen(rule: string, from: readonly Scenario[]): Promise<string | undefined> {
  // One that could not be played to its end, or whose failpoint the rule's absence took away, has seen nothing.
  const saw = ({ findings, end }: Result): boolean => findings.length > 0 && end !== 'error'
  const { results } = await runMatrix(from, { seed, jobs, knockOut: rule, until: saw })
  const seen = results.find(saw)
  return seen === undefined ? undefined : `${seen.scenario.name}: ${seen.findings[0]?.kind}, ${seen.findings[0]?.text}`
}

async function runSoak(minutes: number): Promise<void> {
  if (!(minutes > 0)) throw new RangeError('--soak is a number of minutes')
  tell(`soaking for ${minutes} minutes, seed ${seed}`)
  const rounds = await soak({ backends: present, databases: stores, minutes, moves: values.moves, seed, onRound: line => tell(line) })
  for (const { name, findings } of rounds) for (const { kind, text } of findings) say(`${name}: ${kind}: ${text}`)
  const sum = (what: 'operations' | 'moves' | 'reads' | 'kills' | 'passes' | 'worked' | 'upkeepKills' | 'faults'): number =>
    rounds.reduce((all, round) => all + round[what], 0)
  const moved = values.moves ? `, migrations ${sum('moves')}, reads ${sum('reads')}` : ''
  say(`rounds ${rounds.length}, operations ${sum('operations')}${moved}, kills ${sum('kills')}, faults ${sum('faults')}`)
  say(`passes of upkeep ${sum('passes')}, that found work ${sum('worked')}, killed ${sum('upkeepKills')}`)
  const all = rounds.flatMap(({ findings }) => findings)
  const count = (kind: string): number => all.filter(finding => finding.kind === kind).length
  say(`lost ${count('lost')}, dangling ${count('dangling')}, orphans ${count('orphan')}, unexplained ${count('unexplained')}`)
  if (all.length > 0) process.exitCode = 1
}

function isBad(result: MatrixResult): boolean {
  return !summaryOf(result).endsWith('lost 0, dangling 0, orphans 0, unexplained 0')
}

function whole(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name} is a whole number`)
  return value
}
