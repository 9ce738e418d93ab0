import { DriverFinding, httpSender, noAnswer, retryAfterMs } from '@strongroom/core/driver-support'
import type { HttpAnswer, HttpSenderOptions } from '@strongroom/core/driver-support'

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

/**
 * What node-vault sends with, instead of its own axios: that one follows redirects with the token, has neither timeout nor signal,
 * and makes an agent without keep-alive as soon as there is a TLS option.
 */
export function createTransport(options: HttpSenderOptions): Transport {
  const { send, close } = httpSender(options)
  return {
    send: request => {
      const { uri, method, json, signal } = request
      const body = json === undefined ? undefined : Buffer.from(JSON.stringify(json))
      const headers = body === undefined ? request.headers : { ...request.headers, 'Content-Type': 'application/json' }
      return send(uri, { method, headers, body, signal }).then(answer => answerOf(answer, request))
    },
    close,
  }
}

/** @throws DriverFinding for a success whose body is not JSON: a proxy's page, or half an answer */
function answerOf({ status, headers, bytes }: HttpAnswer, { note, exact }: WireRequest): WireAnswer {
  note.retryAfterMs = retryAfterMs(headers['retry-after'])
  // node-vault takes any answer for a success when this path has `sys/health` in it, and a secret may be called so.
  return { statusCode: status, body: bodyOf(status, bytes, exact === true), request: { path: '' } }
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
