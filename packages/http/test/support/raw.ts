import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** The sockets that servers of this process accept from now on, as the servers have them. */
export function accepting(): Disposable & { readonly sockets: readonly Socket[] } {
  const sockets: Socket[] = []
  const add = (message: unknown): void => void sockets.push((message as { readonly socket: Socket }).socket)
  subscribe('net.server.socket', add)
  return { sockets, [Symbol.dispose]: () => void unsubscribe('net.server.socket', add) }
}

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const LATE_MS = 15_000

/** Half open: it stays open in its own direction when the server has closed the other. */
export async function connected(port: number, { allowHalfOpen = false } = {}): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen })
  await once(socket, 'connect')
  return socket
}

/** Sends bytes as they are, and answers all that comes back until the server closes. */
export async function exchange(port: number, bytes: string | Uint8Array, { end = true } = {}): Promise<string> {
  const socket = await connected(port)
  const received = untilClosed(socket)
  if (end) socket.end(bytes)
  else socket.write(bytes)
  return await received
}

/** What arrives until the connection is closed; it fails when that takes too long. */
export async function untilClosed(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  return await new Promise((done, fail) => {
    const late = setTimeout(() => {
      socket.destroy()
      fail(new Error(`the server did not close; it had sent ${Buffer.concat(chunks).toString('latin1')}`))
    }, LATE_MS)
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
    // A reset is a close too; what had come before counts.
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(late)
      done(Buffer.concat(chunks).toString('latin1'))
    })
  })
}

/** The answers in what arrived, one after the other. @throws Error for what is no answer */
export function answersIn(text: string): readonly RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let rest = text; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n')
    const [first = '', ...lines] = rest.slice(0, Math.max(0, end)).split('\r\n')
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]
    if (end < 0 || status === undefined) throw new Error(`no answer: ${JSON.stringify(rest.slice(0, 200))}`)
    const headers = Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
    const length = Number(headers['content-length'] ?? 0)
    if (status !== '100') answers.push({ status: Number(status), headers, body: rest.slice(end + 4, end + 4 + length) })
    rest = rest.slice(end + 4 + (status === '100' ? 0 : length))
  }
  return answers
}

/** Sends a request and reads to the end of its answer. */
export async function answerOn(socket: Socket, request: string): Promise<string> {
  return await new Promise((done, fail) => {
    let text = ''
    const end = (): void => {
      socket.off('data', read).off('close', lost).off('error', fail)
    }
    const read = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      const head = text.indexOf('\r\n\r\n')
      if (head < 0 || text.length < head + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1])) return
      end()
      done(text)
    }
    const lost = (): void => {
      end()
      fail(new Error('the connection was closed'))
    }
    socket.on('data', read).once('close', lost).once('error', fail)
    socket.write(request)
  })
}
