/** Works on some items at a time, and answers each as it is done. Stopped early, or by an error, it ends once nothing is under way. */
export async function* inParallel<T, R>(items: AsyncIterable<T>, most: number, work: (item: T) => Promise<R>): AsyncGenerator<R> {
  const running = new Map<number, Promise<{ readonly id: number; readonly result: R }>>()
  const next = async (): Promise<R> => {
    const { id, result } = await Promise.race(running.values())
    running.delete(id)
    return result
  }
  let count = 0
  try {
    for await (const item of items) {
      const id = (count += 1)
      running.set(
        id,
        work(item).then(result => ({ id, result })),
      )
      if (running.size >= most) yield await next()
    }
    while (running.size > 0) yield await next()
  } finally {
    await Promise.allSettled(running.values())
  }
}
