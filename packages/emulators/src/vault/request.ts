import type { WireAnswer, WireRequest } from '../shared/http-server.ts'
import { failure, json } from './answers.ts'
import type { Fields } from './fields.ts'

/** The methods that have a body. */
export const WRITES: readonly string[] = ['POST', 'PUT', 'PATCH']
const MERGE_PATCH = 'application/merge-patch+json'

/** What a request says, or why it cannot be understood. */
export type Said = { readonly fields: Fields } | { readonly refusal: WireAnswer }

/** The path after `/v1/`, decoded; undefined when it cannot be, or is not of this API. */
export function pathOf({ url }: WireRequest): string | undefined {
  if (!url.pathname.startsWith('/v1/')) return undefined
  try {
    return decodeURIComponent(url.pathname.slice('/v1/'.length))
  } catch {
    return undefined
  }
}

/** The verb; a GET with `list=true` is a LIST, and so is a LINK: see list-verb.ts. Undefined when `list` is neither true nor false. */
export function methodOf({ method, url }: WireRequest): string | undefined {
  if (method === 'LINK') return 'LIST'
  const list = url.searchParams.get('list') ?? ''
  if (method !== 'GET' || list === '') return method
  if (/^(1|t|true)$/i.test(list)) return 'LIST'
  return /^(0|f|false)$/i.test(list) ? method : undefined
}

export function tokenOf({ headers }: WireRequest): string | undefined {
  const own = headers['x-vault-token']
  const token = typeof own === 'string' ? own : headers.authorization?.replace(/^Bearer /i, '')
  return token === '' ? undefined : token
}

/** The query where the method has no body, the body's JSON elsewhere. */
export function fieldsOf(request: WireRequest, method: string): Said {
  if (WRITES.includes(method)) return bodyOf(request, method)
  const fields = Object.fromEntries(request.url.searchParams)
  if (method === 'LIST') delete fields['list']
  return { fields }
}

function bodyOf({ headers, body }: WireRequest, method: string): Said {
  if (method === 'PATCH') {
    const type = headers['content-type']?.split(';')[0]?.trim() ?? ''
    if (type === '') return { refusal: failure(400, 'mime: no media type') }
    if (type !== MERGE_PATCH) return { refusal: failure(415, `PATCH requires Content-Type of ${MERGE_PATCH}, provided ${type}`) }
  }
  const text = body.toString('utf8')
  if (text.trim() === '') return { fields: {} }
  try {
    const said: unknown = JSON.parse(text)
    if (typeof said === 'object' && !Array.isArray(said)) return { fields: (said ?? {}) as Fields }
    return undecodable(`json: cannot unmarshal ${kindOf(said)} into Go value of type map[string]interface {}`)
  } catch {
    return undecodable('invalid JSON') // not the parser's message: it quotes the body
  }
}

function undecodable(why: string): Said {
  return { refusal: failure(400, `failed to decode JSON input: ${why}`) }
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

/** Where a path with empty segments leads to, as the server's own router says it. */
export function redirect({ method, url }: WireRequest): WireAnswer {
  const location = url.pathname.replaceAll(/\/{2,}/g, '/') + url.search
  const page = `<a href="${location.replaceAll('&', '&amp;').replaceAll('"', '&#34;')}">Temporary Redirect</a>.\n\n`
  const shown = method === 'GET' ? { 'content-type': 'text/html; charset=utf-8' } : undefined
  return { status: 307, headers: { location, ...shown }, body: shown === undefined ? '' : page }
}

export const UNREADABLE: WireAnswer = { status: 400, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: '400 Bad Request' }
export const NOT_THE_API: WireAnswer = json(404, { errors: [] })
