/** What can run out of time. */
interface Expiring {
  readonly deadlineAt: number
  /** Where it stands among those that wait; undefined when it does not. */
  place: number | undefined
  expire(): void
}

/**
 * No `Set`: V8 makes a new table for one every few changes, and each outgrown table refers to the next. Once one of them is old,
 * no collection of young objects frees what stood in any that came after: every call, with all that it refers to.
 */
const pending: Expiring[] = []
let timer: NodeJS.Timeout | undefined
let firesAt = Number.POSITIVE_INFINITY

/**
 * One timer for all calls under way: it stays armed from one call to the next, since to start and stop one for each is a
 * measurable part of a fast `get`. It keeps the process alive only while a call waits.
 */
export function addDeadline(call: Expiring): void {
  call.place = pending.push(call) - 1
  if (timer === undefined || call.deadlineAt < firesAt) arm(call.deadlineAt)
  else if (pending.length === 1) timer.ref()
}

export function removeDeadline(call: Expiring): void {
  const { place } = call
  if (place === undefined) return
  call.place = undefined
  const last = pending.pop()
  if (last !== undefined && last !== call) {
    pending[place] = last
    last.place = place
  }
  if (pending.length === 0) timer?.unref()
}

function arm(at: number): void {
  clearTimeout(timer)
  firesAt = at
  timer = setTimeout(fire, Math.max(1, at - performance.now()))
}

/**
 * Not at once: after a time in which the process could do nothing (a busy thread, a machine that was stopped) the timer comes before what
 * the network has brought meanwhile, and calls that have their answer would be told that they have none.
 */
function fire(): void {
  timer = undefined
  firesAt = Number.POSITIVE_INFINITY
  setImmediate(expire)
}

function expire(): void {
  const now = performance.now()
  for (const call of pending.filter(({ deadlineAt }) => deadlineAt <= now)) {
    // One that ran out before may have ended it.
    if (call.place === undefined) continue
    removeDeadline(call)
    call.expire()
  }
  const next = pending.reduce((earliest, { deadlineAt }) => Math.min(earliest, deadlineAt), Number.POSITIVE_INFINITY)
  if (next < firesAt) arm(next)
}
