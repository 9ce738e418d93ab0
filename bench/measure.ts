export interface Row {
  readonly what: string
  readonly ours: string
  readonly baseline: string
  readonly difference: string
  readonly goal: string
  /** Undefined: a figure without a goal. */
  readonly reached: boolean | undefined
}

export const NONE = '–'
const DEADLINE_MS = 15_000

/** Runs them by turns, in changing order, so that what slows the machine slows both; answers the medians in milliseconds. */
export async function alternately<Names extends string>(
  works: Readonly<Record<Names, () => Promise<unknown>>>,
  { rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
): Promise<Readonly<Record<Names, number>>> {
  const names = Object.keys(works) as Names[]
  const times = new Map<Names, number[]>(names.map(name => [name, []]))
  for (let round = 0; round < warmUp + rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length] as Names
      const startedAt = performance.now()
      await works[name]()
      const time = performance.now() - startedAt
      if (round >= warmUp) times.get(name)?.push(time)
    }
  }
  return Object.fromEntries(names.map(name => [name, median(times.get(name) ?? [])])) as Record<Names, number>
}

/** A call with a deadline that can be cancelled, as every call of a store is. */
export function deadlined(call: (signal: AbortSignal) => Promise<unknown>): () => Promise<unknown> {
  return async () => {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), DEADLINE_MS)
    try {
      return await call(controller.signal)
    } finally {
      clearTimeout(timer)
    }
  }
}

/** How many times the baseline's time ours is; both in milliseconds. */
export function ratioRow(what: string, ours: number, baseline: number, goal: number): Row {
  const ratio = ours / baseline
  return {
    what,
    ours: `${(ours * 1000).toFixed(0)} µs`,
    baseline: `${(baseline * 1000).toFixed(0)} µs`,
    difference: `× ${ratio.toFixed(3)}`,
    goal: `≤ × ${goal}`,
    reached: ratio <= goal,
  }
}

/** What part of the baseline's rate ours is; both in times a millisecond. */
export function rateRow(what: string, ours: number, baseline: number, goal: number | undefined): Row {
  const ratio = ours / baseline
  return {
    what,
    ours: `${(ours * 1000).toFixed(0)} /s`,
    baseline: `${(baseline * 1000).toFixed(0)} /s`,
    difference: `× ${ratio.toFixed(3)}`,
    goal: goal === undefined ? NONE : `≥ × ${goal}`,
    reached: goal === undefined ? undefined : ratio >= goal,
  }
}

export function print(rows: readonly Row[]): void {
  const word = (reached: boolean | undefined): string => (reached === undefined ? NONE : reached ? 'yes' : 'no')
  console.table(Object.fromEntries(rows.map(({ what, reached, ...columns }) => [what, { ...columns, reached: word(reached) }])))
}

function median(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle) - 1] ?? Number.NaN)) / 2
}
