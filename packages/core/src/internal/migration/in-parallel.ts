interface Ended<R> {
  readonly result?: R
  readonly error?: unknown
}

/**
 * Works on some items at a time, and answers each as it is done. Left early, or ended by an error, it has `stop` tell those under way, and
 * ends once there are none.
 */
export async function* inParallel<T, R>(items: AsyncIterable<T>, most: number, work: (item: T) => Promise<R>, stop: () => void): AsyncGenerator<R> {
  const ended: Ended<R>[] = []
  let running = 0
  let wake = (): void => {}
  const start = (item: T): void => {
    const end = (one: Ended<R>): void => {
      running -= 1
      ended.push(one)
      wake()
    }
    const working = work(item)
    running += 1
    working.then(
      result => end({ result }),
      (error: unknown) => end({ error }),
    )
  }
  const next = async (): Promise<R> => {
    if (ended.length === 0) await new Promise<void>(resolve => (wake = resolve))
    const one = ended.shift()
    if (one !== undefined && 'error' in one) throw one.error
    return one?.result as R
  }
  try {
    for await (const item of items) {
      start(item)
      if (running + ended.length >= most) yield await next()
    }
    while (running + ended.length > 0) yield await next()
  } finally {
    if (running > 0) stop()
    while (running > 0) await new Promise<void>(resolve => (wake = resolve))
  }
}
