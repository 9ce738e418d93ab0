import { isQuiet, violationOf, type Invariant, type Violation } from './invariants.ts'
import { Keys } from './key.ts'
import { moves } from './moves.ts'
import type { State } from './state.ts'
import { initialState, type System } from './system.ts'

export interface Exploration {
  readonly states: number
  readonly depth: number
  readonly seconds: number
  /** The first found, which is one of the shortest ways there is. */
  readonly violation: (Violation & { readonly trace: readonly string[] }) | undefined
  /** The bound was met before everything had been seen. */
  readonly isCut: boolean
}

/**
 * Breadth first through every state that can be reached; stops at the first that breaks an invariant (this one, if given), or from
 * which upkeep does not come to an end.
 */
export function explore(system: System, only?: Invariant, maxStates = 1_000_000): Exploration {
  const startedAt = performance.now()
  const start = initialState(system)
  const keys = new Keys()
  const seen = new Map<string, number>([[keys.of(start), 0]])
  const parents = [-1]
  const says = ['']
  const from: number[] = []
  const to: number[] = []
  const quiet: number[] = isQuiet(system, start) ? [0] : []
  let depth = 0
  let isCut = false
  let violation: Exploration['violation']
  const traceOf = (index: number): readonly string[] => {
    const trace: string[] = []
    for (let at = index; at > 0; at = parents[at] ?? 0) trace.unshift(says[at] ?? '')
    return trace
  }
  let level: (readonly [number, State])[] = [[0, start]]
  search: while (level.length > 0) {
    const next: (readonly [number, State])[] = []
    for (const [index, state] of level) {
      for (const move of moves(system, state)) {
        const key = keys.of(move.next)
        const known = seen.get(key)
        const target = known ?? parents.length
        from.push(index)
        to.push(target)
        if (known !== undefined) continue
        seen.set(key, target)
        parents.push(index)
        says.push(move.says)
        const broken = violationOf(system, move.next)
        if (broken !== undefined && (only === undefined || broken.invariant === only)) {
          depth += 1
          violation = { ...broken, trace: traceOf(target) }
          break search
        }
        if (isQuiet(system, move.next)) quiet.push(target)
        next.push([target, move.next])
        if (parents.length >= maxStates) {
          isCut = true
          break search
        }
      }
    }
    if (next.length > 0) depth += 1
    level = next
  }
  if (violation === undefined && !isCut) {
    const stuck = firstThatNeverEnds(parents.length, from, to, quiet)
    if (stuck !== undefined) {
      violation = { invariant: '12 ends', says: 'from here, whatever comes next, something is always left to do', trace: traceOf(stuck) }
    }
  }
  return { states: parents.length, depth, seconds: (performance.now() - startedAt) / 1000, violation, isCut }
}

/** Backwards from the quiet states: the first state that leads to none of them. */
function firstThatNeverEnds(count: number, from: readonly number[], to: readonly number[], quiet: readonly number[]): number | undefined {
  const starts = new Uint32Array(count + 1)
  for (const target of to) starts[target + 1] = (starts[target + 1] ?? 0) + 1
  for (let at = 0; at < count; at += 1) starts[at + 1] = (starts[at + 1] ?? 0) + (starts[at] ?? 0)
  const fill = starts.slice()
  const before = new Uint32Array(to.length)
  for (const [edge, target] of to.entries()) {
    const place = fill[target] ?? 0
    before[place] = from[edge] ?? 0
    fill[target] = place + 1
  }
  const ends = new Uint8Array(count)
  const open = quiet.slice()
  for (const one of open) ends[one] = 1
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    for (let at = starts[one] ?? 0; at < (starts[one + 1] ?? 0); at += 1) {
      const earlier = before[at] ?? 0
      if (ends[earlier] === 1) continue
      ends[earlier] = 1
      open.push(earlier)
    }
  }
  const first = ends.indexOf(0)
  return first === -1 ? undefined : first
}
