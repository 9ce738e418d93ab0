import { stopDatabases } from '@strongroom/crash/databases'
import { afterAll, describe, expect, it } from 'vitest'
import { isOfLostAnswers } from '../src/faults.ts'
import { notLinearizable, summaryOf, violationOf } from '../src/report.ts'
import { run, type RunOptions } from '../src/run.ts'

// A part of `npm run histories`: several processes on one SQLite file and on one PostgreSQL, some of them killed.

afterAll(stopDatabases, 60_000)

const SEED = 1
const TIMES = { timeout: 300_000 }

describe('what concurrent clients of several processes are told', () => {
  it.each([
    ['sqlite', 'local', 3],
    ['sqlite', 'aws', 2],
    ['postgres', 'local', 3],
    ['postgres', 'vault', 2],
  ] as const)('has one order for each key, on %s with values in %s', TIMES, async (database, backend, rounds) => {
    const results = await run({ backends: [backend], databases: [database], seed: SEED, rounds })
    const all = results.flatMap(result => result.rounds)
    expect(all.flatMap(round => notLinearizable(round).map(history => violationOf(round, history)))).toEqual([])
    expect(summaryOf(results)).toMatch(/^histories \d+, operations \d+, not linearizable 0, undecided 0$/)
    const intervals = all.flatMap(({ histories }) => histories.flatMap(history => history.intervals))
    const done = (kind: string): number => intervals.filter(({ operation }) => operation.kind === kind && operation.answer === 'done').length
    for (const kind of ['create', 'update', 'delete']) expect(done(kind)).toBeGreaterThan(0)
    expect(all.some(({ repeats }) => repeats > 0)).toBe(true)
    expect(all.some(({ lost }) => lost > 0)).toBe(true)
    if (backend !== 'local') return
    expect(done('rollback')).toBeGreaterThan(0)
    expect(all.some(({ killed }) => killed)).toBe(true)
  })
})

// That the checker sees a rule of the database taken out. The machine gives the times, so that a round may miss it; many do not.

describe('a faulty database is seen', () => {
  const seen = async (options: Pick<RunOptions, 'databases' | 'keepsAnswers' | 'rounds'> & { readonly fault: string }): Promise<string> => {
    let text = ''
    const until: RunOptions['until'] = round => {
      const [history] = notLinearizable(round)
      if (history !== undefined) text = violationOf(round, history)
      return history !== undefined
    }
    await run({ rounds: 60, ...options, backends: ['local'], seed: SEED, until })
    return text
  }
  it.each([
    ['no compare-and-set', 'sqlite'],
    ['no compare-and-set', 'postgres'],
    ['no unique intent', 'sqlite'],
    ['no unique intent', 'postgres'],
    ['a record is read from a cache', 'sqlite'],
    ['a commit is acknowledged before it is done', 'postgres'],
    ['a rollback does not compare', 'sqlite'],
    ['a request is forgotten', 'postgres'],
    ['a repeat is answered with the record of today', 'sqlite'],
    ['a commit is repeated without its token', 'sqlite'],
    ['a commit is repeated without its token', 'postgres'],
  ])('%s, on %s', { timeout: 600_000 }, async (fault, database) => {
    expect(await seen({ databases: [database], fault, keepsAnswers: !isOfLostAnswers(fault) })).toContain('no order explains this answer')
  })

  it('a commit is repeated without its token: not by killed processes alone, since those ask for nothing again', { timeout: 600_000 }, async () => {
    const fault = 'a commit is repeated without its token'
    expect(await seen({ databases: ['sqlite'], fault, keepsAnswers: true, rounds: 6 })).toBe('')
  })
})
