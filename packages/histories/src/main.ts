// `npm run histories`: see docs/histories.md.
import process from 'node:process'
import { parseArgs } from 'node:util'
import { backendOf } from '@strongroom/crash/backends'
import { databaseOf, stopDatabases } from '@strongroom/crash/databases'
import { faults, isOfLostAnswers } from './faults.ts'
import type { Round } from './place.ts'
import { notLinearizable, reportOf, summaryOf, violationOf } from './report.ts'
import { run } from './run.ts'

const USAGE = `npm run histories                                  two minutes on SQLite and PostgreSQL
npm run histories -- --minutes 10 --seed 7         longer, and as that seed has it; --rounds NUMBER of each place instead
npm run histories -- --database postgres           sqlite, postgres, or both with a comma
npm run histories -- --backend local,aws           local, aws, gcp, azure, vault, openbao, moto
npm run histories -- --fault all                   each faulty variant of the database, or one by its name: is it seen?
options: --keep-answers (no answer of the database is lost), --verbose`

/** A faulty variant that has not been seen by then is not seen. */
const FAULTY_ROUNDS = 60

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const tell = (line: string): void => void process.stderr.write(`${line}\n`)

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    minutes: { type: 'string' },
    rounds: { type: 'string' },
    database: { type: 'string', default: 'sqlite,postgres' },
    backend: { type: 'string', default: 'local,aws,vault' },
    fault: { type: 'string' },
    'keep-answers': { type: 'boolean' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
// So that `exit` is told, by which servers and processes end.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const seed = positive('seed', values.seed) ?? 0
const rounds = positive('rounds', values.rounds)
const minutes = positive('minutes', values.minutes) ?? (rounds === undefined ? 2 : undefined)
const backends = values.backend.split(',').map(name => backendOf(name).name)
const databases = values.database.split(',').map(name => databaseOf(name).name)

try {
  if (values.help) say(USAGE)
  else if (values.fault === undefined) await record()
  else await findFaults(values.fault === 'all' ? faults : [values.fault])
} finally {
  await stopDatabases()
}

async function record(): Promise<void> {
  tell(`seed ${seed}`)
  const results = await run({ backends, databases, seed, rounds, minutes, keepsAnswers: values['keep-answers'], onRound })
  say(reportOf(results))
  if (!summaryOf(results).endsWith('not linearizable 0, undecided 0')) process.exitCode = 1
}

/** Each must give a history that is not linearizable, on each backend with each database. */
async function findFaults(names: readonly string[]): Promise<void> {
  let unseen = 0
  for (const fault of names) {
    const keepsAnswers = values['keep-answers'] ?? !isOfLostAnswers(fault)
    for (const database of databases) {
      for (const backend of backends) {
        const until = (round: Round): boolean => notLinearizable(round).length > 0
        const [result] = await run({ backends: [backend], databases: [database], seed, rounds: FAULTY_ROUNDS, fault, keepsAnswers, until })
        const last = result?.rounds.at(-1)
        const [seen] = last === undefined ? [] : notLinearizable(last)
        if (seen === undefined) unseen += 1
        say(`${seen === undefined ? 'NOT SEEN' : 'seen'}  ${fault}, on ${backend} with ${database}, in round ${result?.rounds.length}`)
        if (last !== undefined && seen !== undefined && values.verbose) say(`${violationOf(last, seen)}\n`)
      }
    }
  }
  say(`\nfaults ${names.length}, not seen ${unseen}`)
  if (unseen > 0) process.exitCode = 1
}

function onRound(round: Round): void {
  const found = notLinearizable(round)
  const results = round.histories.map(({ key, intervals, verdict }) => `${key} ${verdict.result} (${intervals.length})`)
  if (values.verbose || found.length > 0) tell(`${round.name}: ${results.join(', ')}${round.killed ? ', one killed' : ''}`)
  for (const history of found) tell(violationOf(round, history))
  const [backend, database, number] = round.name.split('/')
  const command = `npm run histories -- --seed ${seed} --backend ${backend} --database ${database} --rounds ${number}`
  if (found.length > 0) tell(`The same wishes again, and what time does with them: ${command}`)
}

function positive(name: string, text: string | undefined): number | undefined {
  const value = text === undefined ? undefined : Number(text)
  if (value !== undefined && !(value >= 0)) throw new RangeError(`--${name} is a number`)
  return value
}
