/**
 * Nanoseconds since an origin, by the machine's monotonic clock, which is one for all of its processes: CLOCK_MONOTONIC on Linux. Each
 * process is asked for it when it opens, and what it answers must be between the parent's times before and after.
 */
export function nanosecondsSince(origin: string): number {
  return Number(process.hrtime.bigint() - BigInt(origin))
}
