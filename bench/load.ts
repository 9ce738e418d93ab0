// Load over HTTP from connections that are kept: as much as is answered, or at a rate that does not wait for the answers.
import { connect, type Socket } from 'node:net'

export interface Load {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** The next request, byte by byte. */
  readonly next: () => string
  /** Told of each answer's body; without it, none is kept. */
  readonly onAnswer?: (body: string) => void
  /** Requests a second, all connections together; without it, each connection asks again as soon as it has its answer. */
  readonly rate?: number
}

export interface Loaded {
  /** Answers a second. */
  readonly rate: number
  /** Milliseconds, sorted; from when a request was due, so that one that had to wait counts its waiting, or sent, if that was earlier. */
  readonly times: readonly number[]
  readonly statuses: ReadonlyMap<number, number>
}

export async function load({ port, connections, seconds, next, onAnswer, rate }: Load): Promise<Loaded> {
  const sockets = await Promise.all(Array.from({ length: connections }, async () => await connected(port)))
  const times: number[] = []
  const statuses = new Map<number, number>()
  const startedAt = performance.now()
  const until = startedAt + seconds * 1000
  let sent = 0
  const worker = async (socket: Socket): Promise<void> => {
    for (;;) {
      const due = rate === undefined ? performance.now() : startedAt + (sent++ * 1000) / rate
      if (due >= until) return
      const wait = due - performance.now()
      if (wait > 0) await new Promise(done => setTimeout(done, wait))
      // Node's timers are up to a millisecond early.
      const from = Math.min(due, performance.now())
      const status = await answered(socket, next(), onAnswer)
      times.push(performance.now() - from)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(sockets.map(worker))
  const took = performance.now() - startedAt
  for (const socket of sockets) socket.destroy()
  return { rate: (times.length / took) * 1000, times: times.toSorted((a, b) => a - b), statuses }
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

async function connected(port: number): Promise<Socket> {
  return await new Promise((done, fail) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => done(socket)).once('error', fail)
  })
}

/** Sends a request and answers the status of what comes back, once all of it is there. */
async function answered(socket: Socket, request: string, onAnswer: Load['onAnswer']): Promise<number> {
  return await new Promise((done, fail) => {
    let head = ''
    let body = ''
    let left = -1
    const end = (): void => void socket.off('data', read).off('close', lost)
    const read = (chunk: Buffer): void => {
      if (left < 0) {
        head += chunk.toString('latin1')
        const at = head.indexOf('\r\n\r\n')
        if (at < 0) return
        body = head.slice(at + 4)
        left = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0) - (head.length - at - 4)
      } else {
        left -= chunk.byteLength
        if (onAnswer !== undefined) body += chunk.toString('latin1')
      }
      if (left > 0) return
      end()
      onAnswer?.(body)
      done(Number(head.slice(9, 12)))
    }
    const lost = (): void => {
      end()
      fail(new Error('the connection was closed'))
    }
    socket.on('data', read).once('close', lost)
    socket.write(request)
  })
}
