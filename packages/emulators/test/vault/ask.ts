/** One request to a server of the Vault kind. */
export interface Ask {
  readonly method: string
  /** After `/v1/`, encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>> | undefined
  /** A text is sent as it is, anything else as its JSON. */
  readonly body?: unknown
  readonly type?: string | undefined
  readonly token?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export interface Answered {
  readonly status: number
  readonly type: string | null
  readonly headers: Headers
  /** Parsed where it is JSON. */
  readonly body: unknown
}

export async function ask(url: string, { method, path, query = {}, body, type, token, headers = {} }: Ask): Promise<Answered> {
  const search = new URLSearchParams(query).toString()
  const patch = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
  const response = await fetch(`${url}/v1/${path}${search === '' ? '' : `?${search}`}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(token === undefined ? {} : { 'x-vault-token': token }),
      ...(body === undefined ? {} : { 'content-type': type ?? patch }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  })
  const text = await response.text()
  return { status: response.status, type: response.headers.get('content-type'), headers: response.headers, body: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** The answer without what is another one each time: ids, how many seconds are left, and times but for the tenth of an hour. */
export function normal({ status, type, body }: Answered): unknown {
  return { status, type, body: settled(body, '') }
}

const IDS = new Set(['request_id', 'accessor', 'client_token', 'id', 'entity_id'])
const CLOCKS = new Set(['creation_time', 'last_renewal_time', 'server_time_utc'])
const LEFT = new Set(['ttl', 'lease_duration'])

function settled(value: unknown, name: string): unknown {
  if (Array.isArray(value)) {
    // Whether a renewal is capped, and to what, depends on half seconds since the token was made.
    const kept = value.filter(part => !(typeof part === 'string' && part.startsWith('TTL of ')))
    return name === 'warnings' && kept.length === 0 ? null : kept.map(part => settled(part, ''))
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, settled(part, key)]))
  }
  if (typeof value === 'number') return CLOCKS.has(name) ? '<time>' : LEFT.has(name) ? Math.round(value / 100) * 100 : value
  if (typeof value !== 'string' || value === '') return value
  if (IDS.has(name)) return '<id>'
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value)) return `<in ${Math.round((Date.parse(value) - Date.now()) / 360_000) / 10 + 0} h>`
  return value.includes('\n\t* ') ? value.split('\n').toSorted().join('\n') : value // several errors come in no order
}

/** JSON with its keys in order. */
export function shown(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
