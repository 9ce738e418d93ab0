/** What can run out of time: a link in the list of the calls under way. */
export interface Expiring {
  readonly deadlineAt: number
  before: Expiring | undefined
  after: Expiring | undefined
  expire(): void
}

// A list of the calls themselves, not a Set: a Set that others come to and go from is made anew again and again, and what it held when it
// was, the collector of young objects takes for alive: with it half of all requests, and pauses ten times as long.
let first: Expiring | undefined
let timer: NodeJS.Timeout | undefined
let firesAt = Number.POSITIVE_INFINITY

/**
 * One timer for all calls under way: it stays armed from one call to the next, since to start and stop one for each is a
 * measurable part of a fast `get`. It keeps the process alive only while a call waits.
 */
export function addDeadline(call: Expiring): void {
  call.after = first
  if (first !== undefined) first.before = call
  first = call
  if (timer === undefined || call.deadlineAt < firesAt) arm(call.deadlineAt)
  else if (call.after === undefined) timer.ref()
}

/** Does nothing for a call that is not in the list. */
export function removeDeadline(call: Expiring): void {
  const { before, after } = call
  if (before !== undefined) before.after = after
  else if (first === call) first = after
  else return
  if (after !== undefined) after.before = before
  call.before = undefined
  call.after = undefined
  if (first === undefined) timer?.unref()
}

function arm(at: number): void {
  clearTimeout(timer)
  firesAt = at
  timer = setTimeout(fire, Math.max(1, at - performance.now()))
}

function fire(): void {
  timer = undefined
  firesAt = Number.POSITIVE_INFINITY
  const now = performance.now()
  let next = Number.POSITIVE_INFINITY
  const over: Expiring[] = []
  for (let call = first; call !== undefined; call = call.after) {
    if (call.deadlineAt > now) next = Math.min(next, call.deadlineAt)
    else over.push(call)
  }
  for (const call of over) {
    removeDeadline(call)
    call.expire()
  }
  if (next < firesAt) arm(next)
}
