import type { Interval, Model } from '../src/linearizable.ts'

/** Whether some order of the operations explains every answer: each order of each choice of the unanswered ones is tried. */
export function bruteForce<State, Operation>(model: Model<State, Operation>, history: readonly Interval<Operation>[]): boolean {
  const all = history.map((_, index) => index)
  const open = all.filter(index => history[index]?.end === undefined)
  for (let choice = 0; choice < 2 ** open.length; choice += 1) {
    const left = new Set(open.filter((_, bit) => (choice >>> bit) % 2 === 0))
    const chosen = all.filter(index => !left.has(index))
    for (const order of permutations(chosen)) if (holds(model, history, order)) return true
  }
  return false
}

/** Whether the operations, one after another in this order, keep to time and answer what they did. */
export function holds<State, Operation>(model: Model<State, Operation>, history: readonly Interval<Operation>[], order: readonly number[]): boolean {
  let state: State | undefined = model.start
  let latestCall = Number.NEGATIVE_INFINITY
  for (const index of order) {
    const interval = history[index]
    // Answered before one was called that is placed before it.
    if (interval === undefined || (interval.end ?? Number.POSITIVE_INFINITY) < latestCall) return false
    latestCall = Math.max(latestCall, interval.call)
    state = model.step(state, interval.operation)
    if (state === undefined) return false
  }
  return true
}

function* permutations(items: readonly number[]): Generator<readonly number[]> {
  if (items.length === 0) yield []
  for (const [index, item] of items.entries()) for (const rest of permutations(items.toSpliced(index, 1))) yield [item, ...rest]
}
