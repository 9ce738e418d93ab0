import { noAnswer, refused, type DriverCall, type Payload } from '@strongroom/core/driver-support'
import { failureOfAnswer, failureOfFetch, StoreFailure } from './classify.ts'

/** Signs a request: answers it with the headers of a signature. It sees the value; it must end when `request.signal` aborts. */
export type Sign = (request: Request) => Promise<Request>

export type Tags = Readonly<Record<string, string>>

export interface Item {
  readonly key: string
  readonly size: number
  readonly at: Date
}

interface Message {
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

interface Answer {
  readonly headers: Headers
  readonly bytes: Uint8Array
}

/** One bucket: each method is one request, without retries. */
export class Bucket {
  readonly #url: string
  readonly #sign: Sign

  constructor(url: string, sign: Sign = async request => request) {
    this.#url = url
    this.#sign = sign
  }

  /** A page of the objects whose keys have the prefix, in the order of their keys. */
  async list(
    query: Readonly<Record<string, string>>,
    call: DriverCall,
  ): Promise<{ readonly items: readonly Item[]; readonly next: string | undefined }> {
    const { bytes } = await this.#send('GET', '', { query: { 'list-type': '2', 'encoding-type': 'url', ...query } }, call)
    const xml = xmlOf(bytes, 'ListBucketResult')
    const items = elements(xml, 'Contents').map(item => ({
      // In this encoding a plus is a space.
      key: decodeURIComponent(text(item, 'Key').replaceAll('+', ' ')),
      size: Number(text(item, 'Size')),
      at: new Date(text(item, 'LastModified')),
    }))
    return { items, next: text(xml, 'IsTruncated') === 'true' ? text(xml, 'NextContinuationToken') : undefined }
  }

  async get(key: string, call: DriverCall): Promise<Payload> {
    const { headers, bytes } = await this.#send('GET', `/${key}`, {}, call)
    if (!headers.has('etag')) throw new StoreFailure({ ...noAnswer, effect: 'none' }) // a proxy's own page
    return { bytes, text: headers.get('content-type')?.startsWith('text/plain') === true }
  }

  /** The tags of an object; undefined when there is none. To read them takes another permission than to read the object. */
  async tags(key: string, call: DriverCall): Promise<Tags | undefined> {
    try {
      const { bytes } = await this.#send('GET', `/${key}`, { query: { tagging: '' } }, call)
      return Object.fromEntries(elements(xmlOf(bytes, 'Tagging'), 'Tag').map(tag => [text(tag, 'Key'), text(tag, 'Value')]))
    } catch (error) {
      if (error instanceof StoreFailure && error.failure.code === 'not_found') return undefined
      throw error
    }
  }

  /** Without `overwrite` it fails as a final `conflict` when there is such an object. */
  async put(key: string, { bytes, text }: Payload, tags: Tags, overwrite: boolean, call: DriverCall): Promise<void> {
    const { headers } = await this.#send(
      'PUT',
      `/${key}`,
      {
        headers: {
          'content-type': text ? 'text/plain;charset=utf-8' : 'application/octet-stream',
          'x-amz-tagging': new URLSearchParams(tags).toString(),
          ...(overwrite ? {} : { 'if-none-match': '*' }),
        },
        body: bytes,
      },
      call,
    )
    if (!headers.has('etag')) throw new StoreFailure(noAnswer)
    const kept = headers.get('x-amz-version-id') ?? 'null'
    if (kept === 'null') return
    throw new StoreFailure(refused('misconfigured', { effect: 'unknown', hint: 'the bucket keeps old versions, so nothing in it is ever erased' }))
  }

  /** An object that is missing is a success. */
  async remove(key: string, call: DriverCall): Promise<void> {
    const { bytes } = await this.#send('DELETE', `/${key}`, {}, call)
    if (bytes.byteLength > 0) throw new StoreFailure(noAnswer) // a proxy's own page: S3 answers nothing
  }

  async #send(method: 'GET' | 'PUT' | 'DELETE', key: string, { query = {}, headers = {}, body }: Message, { signal }: DriverCall): Promise<Answer> {
    if (signal.aborted) throw new StoreFailure(refused('aborted'))
    const url = new URL(this.#url + key.split('/').map(encodeURIComponent).join('/'))
    url.search = new URLSearchParams(query).toString()
    const request = await this.#signed(new Request(url, { method, headers, signal, ...(body === undefined ? {} : { body }) }))
    let response: Response
    let bytes: Uint8Array
    try {
      response = await fetch(request, { redirect: 'manual', signal })
      bytes = new Uint8Array(await response.arrayBuffer())
    } catch (error) {
      const failure = signal.aborted ? refused('aborted', { effect: 'unknown' }) : failureOfFetch(error)
      throw new StoreFailure(method === 'GET' ? { ...failure, effect: 'none' } : failure, error)
    }
    if (response.ok) return { headers: response.headers, bytes }
    const failure = failureOfAnswer(response, new TextDecoder().decode(bytes))
    throw new StoreFailure(method === 'GET' ? { ...failure, effect: 'none' } : failure)
  }

  async #signed(request: Request): Promise<Request> {
    try {
      return await this.#sign(request)
    } catch (error) {
      const failure = request.signal.aborted ? refused('aborted') : refused('unauthenticated', { hint: 'the request could not be signed' })
      throw new StoreFailure(failure, error)
    }
  }
}

/** The text of an answer to a read. @throws StoreFailure when it is not that document, such as a proxy's page */
function xmlOf(bytes: Uint8Array, root: string): string {
  const xml = new TextDecoder().decode(bytes)
  if (!xml.includes(`<${root}`)) throw new StoreFailure({ ...noAnswer, effect: 'none' })
  return xml
}

/** The insides of all elements of a name that has no attributes. */
function elements(xml: string, name: string): readonly string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^]*?)</${name}>`, 'g'))].map(([, inside = '']) => inside)
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

/** The text of the first element of that name; empty when there is none. */
function text(xml: string, name: string): string {
  return (elements(xml, name)[0] ?? '').replaceAll(/&(\w+);/g, (whole, entity: string) => ENTITIES[entity] ?? whole)
}
