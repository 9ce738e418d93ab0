import { Place, type PlaceOptions, type Round } from './place.ts'

export interface RunOptions {
  readonly backends: readonly string[]
  readonly databases: readonly string[]
  readonly seed: number
  /** Of each backend with each database; none when `minutes` is given. */
  readonly rounds?: number | undefined
  /** For all of them together. */
  readonly minutes?: number | undefined
  readonly fault?: string | undefined
  /** No answer of the database is lost. */
  readonly keepsAnswers?: boolean | undefined
  readonly onRound?: ((round: Round) => void) | undefined
  /** Whether that is enough, asked after each round. */
  readonly until?: ((round: Round) => boolean) | undefined
}

export interface Result {
  readonly backend: string
  readonly database: string
  readonly rounds: readonly Round[]
  readonly seconds: number
}

/** Rounds on each backend with each database, one after another. */
export async function run({
  backends,
  databases,
  seed,
  rounds,
  minutes,
  fault,
  keepsAnswers,
  onRound,
  until,
}: RunOptions): Promise<readonly Result[]> {
  const results: Result[] = []
  const places = databases.flatMap(database => backends.map(backend => ({ backend, database })))
  const budgetMs = minutes === undefined ? Number.POSITIVE_INFINITY : (minutes * 60_000) / places.length
  for (const { backend, database } of places) {
    const options: PlaceOptions = { backend, database, seed, fault, keepsAnswers }
    const startedAt = performance.now()
    const own: Round[] = []
    const place = await Place.start(options)
    let isEnough = false
    try {
      while (!isEnough && own.length < (rounds ?? Number.POSITIVE_INFINITY) && performance.now() - startedAt < budgetMs) {
        const round = await place.round(own.length + 1)
        own.push(round)
        onRound?.(round)
        isEnough = until?.(round) === true
      }
    } finally {
      await place.stop()
    }
    results.push({ backend, database, rounds: own, seconds: (performance.now() - startedAt) / 1_000 })
    if (isEnough) return results
  }
  return results
}
