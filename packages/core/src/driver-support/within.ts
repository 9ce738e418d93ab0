/**
 * For authors of drivers: the work's own end, or, when `ms` milliseconds are over, a failure with what `late` makes; the work goes on unheard.
 * `Infinity`: as long as it takes. @throws whatever the work or `late` says
 */
export async function within<T>(ms: number, work: Promise<T>, late: () => unknown): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>()
  const timer = ms === Infinity ? undefined : setTimeout(() => reject(late()), ms)
  try {
    return await Promise.race([work, over])
  } finally {
    clearTimeout(timer)
  }
}
