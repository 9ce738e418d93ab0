/** A sequential object: what its operations may answer when they come one after another. */
export interface Model<State, Operation> {
  readonly start: State
  /** The state after the operation; undefined when the operation cannot have answered what it did in this state. */
  readonly step: (state: State, operation: Operation) => State | undefined
  /** Two states are the same when their texts are. */
  readonly textOf: (state: State) => string
  /** Whether the operation, as it was answered, leaves every state as it is. */
  readonly looks: (operation: Operation) => boolean
  /** The operation as if it had not been answered: it took effect, or it will, or it never does. Undefined when it has no effect. */
  readonly unanswered: (operation: Operation) => Operation | undefined
}

/** An operation between its call and its answer. It takes effect at one moment in between, if the history is linearizable. */
export interface Interval<Operation> {
  readonly operation: Operation
  readonly call: number
  /** Undefined when there is no answer: the effect may come at any time after the call, or never. */
  readonly end: number | undefined
}

export type Verdict =
  /** `order`: the indices of the operations in an order that explains every answer. */
  | { readonly result: 'linearizable'; readonly order: readonly number[] }
  | { readonly result: 'not linearizable' }
  /** More had to be tried than the limit allows. */
  | { readonly result: 'undecided' }

const MOST_CONFIGURATIONS = 500_000

/** A call or an answer, in a list in the order of time. What has been placed is taken out of it. */
interface Event {
  readonly index: number
  /** A call's own answer, if there is one. */
  readonly answer: Event | undefined
  readonly isCall: boolean
  previous: Event | undefined
  next: Event | undefined
}

/**
 * Whether the answers of concurrent operations can be explained by one order that keeps to time: an operation that was answered before
 * another was called comes before it. The search of Wing and Gong, with Lowe's memory: the same operations placed, in any order, with the
 * same state after them, are tried once.
 */
export function checkHistory<State, Operation>(
  { start, step, textOf, looks }: Model<State, Operation>,
  history: readonly Interval<Operation>[],
  limit: number = MOST_CONFIGURATIONS,
): Verdict {
  const head = eventsOf(history)
  const placed = new Uint32Array(Math.ceil(history.length / 32))
  const flip = ({ index }: Event): void => void (placed[index >>> 5] = (placed[index >>> 5] ?? 0) ^ (1 << (index & 31)))
  const tried = new Set<string>()
  const stack: { readonly event: Event; readonly before: State; readonly looks: boolean }[] = []
  let state = start
  let answers = history.filter(({ end }) => end !== undefined).length
  let event = head.next
  while (answers > 0) {
    const operation = event?.isCall === true ? history[event.index]?.operation : undefined
    if (event === undefined || operation === undefined) {
      // An answer whose operation has not been placed: nothing later can come before it, so an earlier choice was wrong.
      let choice = stack.pop()
      for (; choice !== undefined; choice = stack.pop()) {
        putBack(choice.event)
        flip(choice.event)
        if (choice.event.answer !== undefined) answers += 1
        state = choice.before
        if (!choice.looks) break
      }
      if (choice === undefined) return { result: 'not linearizable' }
      event = choice.event.next
      continue
    }
    const after = step(state, operation)
    if (after !== undefined) {
      flip(event)
      const configuration = `${placed.join()} ${textOf(after)}`
      if (!tried.has(configuration)) {
        if (tried.size >= limit) return { result: 'undecided' }
        tried.add(configuration)
        // What changes nothing can as well come now as later, so that this choice is never the wrong one.
        stack.push({ event, before: state, looks: looks(operation) })
        takeOut(event)
        if (event.answer !== undefined) answers -= 1
        state = after
        event = head.next
        continue
      }
      flip(event)
    }
    event = event.next
  }
  return { result: 'linearizable', order: stack.map(choice => choice.event.index) }
}

export interface Violation<Operation> {
  /** What shows it, in the order of the calls: without answers that came later, and without looks that are not needed for it. */
  readonly history: readonly Interval<Operation>[]
  /** The answer that no order explains. */
  readonly unexplained: Interval<Operation>
}

/** The shortest beginning of a history that is not linearizable. @throws RangeError when the history is, or is undecided */
export function shortestViolation<State, Operation>(model: Model<State, Operation>, history: readonly Interval<Operation>[]): Violation<Operation> {
  const fails = (part: readonly Interval<Operation>[]): boolean => checkHistory(model, part).result === 'not linearizable'
  if (!fails(history)) throw new RangeError('there is no violation in this history')
  const ends = history.flatMap(({ end }) => (end === undefined ? [] : [end])).toSorted((a, b) => a - b)
  let [low, high] = [0, ends.length - 1]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (fails(until(model, history, ends[middle] ?? 0))) high = middle
    else low = middle + 1
  }
  const last = ends[low] ?? 0
  let shortest = until(model, history, last).toSorted((a, b) => a.call - b.call)
  const unexplained = shortest.find(({ end }) => end === last)
  if (unexplained === undefined) throw new RangeError('an answer without an operation')
  for (const interval of shortest) {
    const without = shortest.filter(other => other !== interval)
    if (interval !== unexplained && model.looks(interval.operation) && fails(without)) shortest = without
  }
  return { history: shortest, unexplained }
}

/** What was known of a history at a moment. */
function until<State, Operation>(
  model: Model<State, Operation>,
  history: readonly Interval<Operation>[],
  last: number,
): readonly Interval<Operation>[] {
  return history.flatMap(interval => {
    const { operation, call, end } = interval
    if (call > last) return []
    if (end === undefined || end <= last) return [interval]
    const open = model.looks(operation) ? undefined : model.unanswered(operation)
    return open === undefined ? [] : [{ operation: open, call, end: undefined }]
  })
}

/** The list's head, which is no event itself. A call at the same moment as an answer comes before it: they may be concurrent. */
function eventsOf<Operation>(history: readonly Interval<Operation>[]): Event {
  const times = new Map<Event, number>()
  const made = (index: number, isCall: boolean, at: number, answer?: Event): Event => {
    const event: Event = { index, isCall, answer, previous: undefined, next: undefined }
    times.set(event, at)
    return event
  }
  for (const [index, { call, end }] of history.entries()) {
    made(index, true, call, end === undefined ? undefined : made(index, false, end))
  }
  const inOrder = [...times].toSorted(([a, at], [b, bt]) => at - bt || Number(b.isCall) - Number(a.isCall)).map(([event]) => event)
  const head: Event = { index: -1, isCall: false, answer: undefined, previous: undefined, next: undefined }
  let last = head
  for (const event of inOrder) {
    last.next = event
    event.previous = last
    last = event
  }
  return head
}

function takeOut(call: Event): void {
  for (const event of [call, call.answer]) {
    if (event?.previous !== undefined) event.previous.next = event.next
    if (event?.next !== undefined) event.next.previous = event.previous
  }
}

/** The reverse of `takeOut`, in the reverse order. */
function putBack(call: Event): void {
  for (const event of [call.answer, call]) {
    if (event?.previous !== undefined) event.previous.next = event
    if (event?.next !== undefined) event.next.previous = event
  }
}
