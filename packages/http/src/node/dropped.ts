import type { Server } from 'node:http'

const TELL_MS = 1000

/** Tells how many connections were closed because there were enough: the first at once, the others of each second together. */
export function tellDropped(server: Server, tell: (connections: number) => void): void {
  let dropped = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const told = (): void => {
    timer = undefined
    if (dropped === 0) return
    const connections = dropped
    dropped = 0
    timer = setTimeout(told, TELL_MS).unref()
    try {
      tell(connections)
    } catch {
      // An observer does not change what is served.
    }
  }
  server.on('drop', () => {
    dropped += 1
    if (timer === undefined) told()
  })
  server.once('close', () => {
    clearTimeout(timer)
    told()
    clearTimeout(timer)
  })
}
