import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { Faults, type Fault, type InjectOptions } from './fault.ts'
import { collect, insteadOf, send, type WireAnswer } from './http-server.ts'
import { HOST, listen } from './listen.ts'

/** How a proxy names what it forwards, and the words of its backend for trouble. */
export interface FaultProxyOptions {
  /** Names a request, for `inject` and `answerWith`: by default its method and path. */
  readonly operationOf?: ((request: IncomingMessage) => string) | undefined
  /** How this backend says that there were too many requests; needed for the fault `throttle`. */
  readonly throttled?: ((retryAfterMs: number | undefined) => WireAnswer) | undefined
  /** How this backend says what a code means; needed for the fault `fail`. */
  readonly failed?: ((code: string) => WireAnswer) | undefined
  /** For an upstream with a certificate of its own. */
  readonly ca?: string | undefined
}

/** A server between a client and its backend, which makes trouble when it is told to. */
export interface FaultProxy {
  readonly url: string
  /** Requests seen so far. */
  readonly requests: () => number
  /** @throws TypeError for a `throttle` or a `fail` that this proxy was not told the words for */
  readonly inject: (fault: Fault, options?: InjectOptions) => void
  readonly clearFaults: () => void
  /** Answers every request for which the function gives an answer, without asking the upstream; undefined ends it. */
  readonly answerWith: (answer: ((operation: string) => WireAnswer | undefined) | undefined) => void
  readonly stop: () => Promise<void>
}

/**
 * A proxy on the loopback before any HTTP/1.1 server, real or emulated, that meets requests with faults.
 * @throws TypeError for an `upstream` that is no URL
 */
export async function startFaultProxy(upstream: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const target = new URL(upstream)
  const secure = target.protocol === 'https:'
  const agent = secure ? new SecureAgent({ keepAlive: true, ca: options.ca }) : new Agent({ keepAlive: true })
  const forward = secure ? secureRequest : request
  const { operationOf = ({ method, url }) => `${method} ${url?.split('?')[0]}` } = options
  const faults = new Faults()
  let seen = 0
  let always: ((operation: string) => WireAnswer | undefined) | undefined

  const upstreamAnswer = (incoming: IncomingMessage, body: Buffer): Promise<WireAnswer> =>
    new Promise((resolve, reject) => {
      const { method, url, headers } = incoming
      const outgoing = forward({ host: target.hostname, port: target.port, method, path: url, headers, agent }, from => {
        const { 'transfer-encoding': _, ...kept } = from.headers
        collect(from).then(bytes => resolve({ status: from.statusCode ?? 500, headers: kept as Record<string, string>, body: bytes }), reject)
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })

  const backend = {
    throttled: (retryAfterMs: number | undefined): WireAnswer => needed(options.throttled, 'throttled')(retryAfterMs),
    failed: (code: string): WireAnswer => needed(options.failed, 'failed')(code),
  }

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await collect(incoming)
    seen += 1
    const operation = operationOf(incoming)
    const refused = always?.(operation)
    if (refused !== undefined) return await send(outgoing, refused, undefined)
    const fault = faults.take(operation)
    if (fault?.kind === 'stall') return
    if (fault?.kind === 'reset') return void incoming.socket.destroy()
    if (fault?.kind === 'hold' && !fault.applied) await fault.release()
    const answer = insteadOf(fault, backend) ?? (await upstreamAnswer(incoming, body))
    if (fault?.kind === 'lose') return void incoming.socket.destroy()
    if (fault?.kind === 'hold' && fault.applied) await fault.release()
    await send(outgoing, answer, fault)
  }

  const server = createServer((incoming, outgoing) => void handle(incoming, outgoing).catch(() => incoming.socket.destroy()))
  const listening = await listen(server)

  return {
    url: `http://${HOST}:${listening.port}`,
    requests: () => seen,
    inject: (fault, how) => {
      insteadOf(fault, backend) // throws where there are no words for it
      faults.inject(fault, how)
    },
    clearFaults: () => faults.clear(),
    answerWith: answer => {
      always = answer
    },
    stop: async () => {
      agent.destroy()
      await listening.stop()
    },
  }
}

function needed<Part>(part: Part | undefined, option: string): Part {
  if (part === undefined) throw new TypeError(`this proxy was started without ${option}`)
  return part
}
