/** What can run out of time. */
interface Expiring {
  readonly deadlineAt: number
  expire(): void
}

const pending = new Set<Expiring>()
let timer: NodeJS.Timeout | undefined
let firesAt = Number.POSITIVE_INFINITY

/**
 * One timer for all calls under way: it stays armed from one call to the next, since to start and stop one for each is a
 * measurable part of a fast `get`. It keeps the process alive only while a call waits.
 */
export function addDeadline(call: Expiring): void {
  pending.add(call)
  if (timer === undefined || call.deadlineAt < firesAt) arm(call.deadlineAt)
  else if (pending.size === 1) timer.ref()
}

export function removeDeadline(call: Expiring): void {
  if (pending.delete(call) && pending.size === 0) timer?.unref()
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
  let next = Number.POSITIVE_INFINITY
  for (const call of pending) {
    if (call.deadlineAt > now) next = Math.min(next, call.deadlineAt)
    else {
      pending.delete(call)
      call.expire()
    }
  }
  if (next < firesAt) arm(next)
}
