import { DriverFinding, neverSent, noAnswer, retryAfterMs } from '@strongroom/core/driver-support'
import { Agent, request, type IncomingMessage } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import type { VaultTls } from './options.ts'

/** What node-vault gives to its transport, with what `Connection` adds; it takes everything that it does not know along. */
export interface WireRequest {
  readonly method: string
  readonly uri: string
  readonly headers: Readonly<Record<string, string>>
  readonly json?: object | undefined
  readonly signal: AbortSignal
  /** Keep numbers that JavaScript cannot hold as they are written. */
  readonly exact?: boolean | undefined
  /** Filled with what node-vault drops of an answer. */
  readonly note: { retryAfterMs?: number | undefined }
}

interface WireAnswer {
  readonly statusCode: number
  readonly body: unknown
  readonly request: { readonly path: string }
}

export interface Transport {
  readonly send: (options: WireRequest) => Promise<WireAnswer>
  readonly close: () => void
}

export interface TransportOptions {
  readonly secure: boolean
  readonly tls?: VaultTls | undefined
  readonly connectMs?: number | undefined
  readonly silenceMs?: number | undefined
}

const SOCKETS = 128

/**
 * What node-vault sends with, instead of its own axios: that one follows redirects with the token, has neither timeout nor signal,
 * and makes an agent without keep-alive as soon as there is a TLS option. `node:http` follows nothing and logs nothing.
 */
export function createTransport({ secure, tls, connectMs = 3_000, silenceMs = 10_000 }: TransportOptions): Transport {
  const pool = { keepAlive: true, maxSockets: SOCKETS, timeout: silenceMs }
  // Said outright, so that no variable of the environment can switch the check off.
  const agent = secure ? new SecureAgent({ ...pool, ...definedOf(tls), rejectUnauthorized: true }) : new Agent(pool)
  const open = secure ? secureRequest : request

  const send = (options: WireRequest): Promise<WireAnswer> =>
    new Promise((resolve, reject) => {
      const { method, uri, signal, json } = options
      const body = json === undefined ? undefined : Buffer.from(JSON.stringify(json))
      const headers = { ...options.headers, ...(body && { 'Content-Type': 'application/json', 'Content-Length': String(body.byteLength) }) }
      const outgoing = open(uri, { method, agent, signal, headers }, incoming => {
        collect(incoming)
          .then(bytes => resolve(answerOf(incoming, bytes, options)), reject)
          .catch(reject)
      })
      let connecting: NodeJS.Timeout | undefined
      outgoing.on('socket', socket => {
        if (!socket.connecting) return
        connecting = setTimeout(() => outgoing.destroy(new DriverFinding(neverSent)), connectMs).unref()
        socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(connecting))
      })
      outgoing.setTimeout(silenceMs, () => outgoing.destroy(new DriverFinding(noAnswer)))
      outgoing.on('error', reject)
      outgoing.on('close', () => clearTimeout(connecting))
      outgoing.end(body)
    })

  return { send, close: () => agent.destroy() }
}

/** @throws DriverFinding for a success whose body is not JSON: a proxy's page, or half an answer */
function answerOf({ statusCode = 0, headers }: IncomingMessage, bytes: Buffer, { note, exact }: WireRequest): WireAnswer {
  note.retryAfterMs = retryAfterMs(headers['retry-after'])
  // node-vault takes any answer for a success when this path has `sys/health` in it, and a secret may be called so.
  return { statusCode, body: bodyOf(statusCode, bytes, exact === true), request: { path: '' } }
}

function bodyOf(status: number, bytes: Buffer, exact: boolean): unknown {
  if (bytes.byteLength === 0) return undefined
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return exact ? JSON.parse(text, asWritten) : JSON.parse(text)
  } catch {
    if (status >= 200 && status < 300) throw new DriverFinding(noAnswer)
    return {}
  }
}

// The language's library for TypeScript does not know these yet.
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }

/** 12345678901234567890 and 1.10 stay what they are when the object is written out again. */
function asWritten(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined && context.source !== String(value) ? rawJSON(context.source) : value
}

async function collect(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function definedOf(tls: VaultTls = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(tls).filter(([, pem]) => pem !== undefined)) as Record<string, string>
}
