import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { once } from './clients.ts'
import type { Operation } from './operations.ts'

/** What a call came to, in a form in which two servers can agree. */
export type Outcome =
  | { readonly code: string; readonly message: string }
  | { readonly code: 'OK'; readonly answer: Readonly<Record<string, unknown>>; readonly items: readonly string[] }

const CODES: Readonly<Record<number, string>> = { 3: 'INVALID_ARGUMENT', 5: 'NOT_FOUND', 6: 'ALREADY_EXISTS', 9: 'FAILED_PRECONDITION' }
const TIMES: ReadonlySet<string> = new Set(['createTime', 'destroyTime', 'expireTime', 'scheduledDestroyTime', 'etag'])

interface Page {
  readonly nextPageToken?: string
  readonly totalSize?: number
}
type Call = (request: object, options: object) => Promise<readonly [answer: object, request: unknown, page: Page | undefined]>

export async function outcomeOf(client: SecretManagerServiceClient, { rpc, request }: Operation): Promise<Outcome> {
  const call = (client as unknown as Readonly<Record<string, Call>>)[rpc]
  if (call === undefined) throw new Error(`the client has no ${rpc}`)
  try {
    const [answer, , page] = await call.call(client, request, once)
    if (!Array.isArray(answer)) return { code: 'OK', answer: leaves(answer), items: [] }
    const items = Object.fromEntries(answer.map((item: { readonly name: string }) => [idOf(item.name), item]))
    return {
      code: 'OK',
      answer: leaves({ items, totalSize: page?.totalSize, more: page?.nextPageToken !== '' }),
      items: Object.keys(items),
    }
  } catch (error) {
    const { code, message } = error as { readonly code?: number; readonly message: string }
    // Over gRPC the client puts the code before the message.
    return {
      code: CODES[code ?? -1] ?? `code ${code}`,
      message: message.replace(/^\d+ [A-Z_]+: /, '').replaceAll(/projects\/[^/\]]+/g, 'projects/P'),
    }
  }
}

/** Not numbers alone: an object would sort them. */
function idOf(name: string): string {
  return name.replace(/^projects\/[^/]+/, '').replaceAll('.', '_')
}

/** Each leaf by its path; times and etags only as present; what is empty left out, as JSON does; the project by no name. */
function leaves(value: unknown, path = '', into: Record<string, unknown> = {}): Readonly<Record<string, unknown>> {
  const key = path.slice(path.lastIndexOf('.') + 1)
  if (value === undefined || value === null || value === '' || value === false || value === 0) return into
  if (TIMES.has(key)) into[path] = 'present'
  else if (value instanceof Uint8Array) into[path] = Buffer.from(value).toString('base64')
  else if (typeof value !== 'object') into[path] = typeof value === 'string' ? value.replace(/^projects\/[^/]+/, 'projects/P') : value
  else for (const [name, inner] of Object.entries(value)) leaves(inner, path === '' ? name : `${path}.${name}`, into)
  return into
}

/** What differs: two codes as `OK / NOT_FOUND`; in a list, `items` or `order`; otherwise the fields. */
export function differences(ours: Outcome, theirs: Outcome): readonly string[] {
  if (!('answer' in ours) || !('answer' in theirs)) return ours.code === theirs.code ? [] : [`${ours.code} / ${theirs.code}`]
  const found = new Set<string>()
  if (ours.items.toSorted().join() !== theirs.items.toSorted().join()) found.add('items')
  else if (ours.items.join() !== theirs.items.join()) found.add('order')
  for (const path of new Set([...Object.keys(ours.answer), ...Object.keys(theirs.answer)])) {
    const item = /^items\.([^.]+)\./.exec(path)?.[1]
    if (item !== undefined && !(ours.items.includes(item) && theirs.items.includes(item))) continue
    if (ours.answer[path] !== theirs.answer[path]) found.add(fieldOf(path))
  }
  return [...found]
}

/** The outermost field, but of a payload which part of it. */
function fieldOf(path: string): string {
  const [outer = '', inner] = path.replace(/^items\.[^.]+\./, '').split('.')
  return outer === 'payload' ? `${outer}.${inner}` : outer
}
