import { Problem } from './problem.ts'

const JSON_TYPE = /^application\/json$/i
const CHARSET = /^[ \t]*charset[ \t]*=/i
const UTF_8 = /=[ \t]*"?utf-?8"?[ \t]*$/i

/**
 * The text of a JSON body. Bytes that are not UTF-8 are refused: replaced, they would be another value.
 * @throws Problem 415, 413, 400
 */
export async function bodyText(request: Request, maxBytes: number): Promise<string> {
  const type = request.headers.get('content-type')
  if (type === null || !isJson(type)) {
    throw new Problem({
      status: 415,
      code: 'unsupported_media_type',
      detail: 'a body is application/json, in UTF-8',
      headers: { accept: 'application/json' },
    })
  }
  if ((request.headers.get('content-encoding') ?? 'identity') !== 'identity') {
    throw new Problem({ status: 415, code: 'unsupported_media_type', detail: 'a body is not compressed', headers: { 'accept-encoding': 'identity' } })
  }
  const bytes = await bytesOf(request, maxBytes)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed('the body is not UTF-8')
  } finally {
    bytes.fill(0)
  }
}

/** JSON has no parameters, and those that clients add say nothing of it (RFC 8259, 11), unless it is that the text is no UTF-8. */
function isJson(type: string): boolean {
  const [name = '', ...parameters] = type.split(';')
  return JSON_TYPE.test(name.trim()) && parameters.every(parameter => !CHARSET.test(parameter) || UTF_8.test(parameter))
}

async function bytesOf(request: Request, maxBytes: number): Promise<Uint8Array> {
  const length = request.headers.get('content-length')
  if (length !== null && Number(length) > maxBytes) throw tooLarge(maxBytes)
  try {
    // A server reads no more than the length that was announced.
    if (length !== null) return checked(new Uint8Array(await request.arrayBuffer()), maxBytes)
    return await streamed(request, maxBytes)
  } catch (error) {
    if (error instanceof Problem) throw error
    // The client went away; nobody reads the answer.
    throw new Problem({ status: 400, code: 'malformed_request', detail: 'the body ended too early' })
  }
}

async function streamed({ body }: Request, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength
    if (size > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    chunk.fill(0)
    at += chunk.byteLength
  }
  return whole
}

function checked(bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes)
  return bytes
}

function tooLarge(maxBytes: number): Problem {
  return new Problem({ status: 413, code: 'body_too_large', detail: `a body has at most ${maxBytes} bytes` })
}

function malformed(detail: string): Problem {
  return new Problem({ status: 400, code: 'malformed_json', detail })
}
