import type { Hook } from './harness.ts'

/** What a run of the kit asks of a driver. */
export interface ConformanceOptions {
  /** Hooks that the run must have used: one that is missing, or that no case used, fails the run. */
  readonly require?: readonly Hook[]
  /**
   * Cases that this backend cannot keep, each with a link that says why. They are run and must fail: one that passes fails the
   * run, so that a deviation does not outlive its reason.
   */
  readonly deviations?: Readonly<Record<string, `https://${string}`>>
  /** Native text before everything that the run makes, such as `prod/`: for credentials that are good for that alone. Default: none. */
  readonly prefix?: string
  /** File of the JSON report. By default `<label>.json` in the directory that `STRONGROOM_REPORTS` names, if it does. */
  readonly report?: string
  /** What was tested, for the report: `moto 5.2.5 on loopback`. */
  readonly where?: string
  /** Secrets that the paging cases make. Enough to span pages finds more; default 30. */
  readonly pagingItems?: number
  /** How long lists and names may lag behind writes before a case fails, in milliseconds. Default 0: at once. Reads by version never wait. */
  readonly settleMs?: number
  /** How long one case may take, in milliseconds. Default 30,000. */
  readonly caseTimeoutMs?: number
  /** Seed of the random cases. By default `STRONGROOM_SEED`, or a new one; every failure names it. */
  readonly seed?: number
}

export interface Settings {
  readonly pagingItems: number
  readonly settleMs: number
  readonly caseTimeoutMs: number
  readonly seed: number
}

/** The options with their defaults. */
export function settingsOf(options: ConformanceOptions): Settings {
  const { pagingItems = 30, settleMs = 0, caseTimeoutMs = 30_000, seed = seedOfEnvironment() } = options
  return { pagingItems, settleMs, caseTimeoutMs, seed }
}

function seedOfEnvironment(): number {
  const given = process.env['STRONGROOM_SEED']
  if (given === undefined || given === '') return Math.floor(Math.random() * 2 ** 31)
  const seed = Number(given)
  if (!Number.isSafeInteger(seed)) throw new Error('STRONGROOM_SEED is a whole number')
  return seed
}
