import { isPlainObject } from './interpolate.ts'
import { shownName } from './problems.ts'

/** A URL that cannot be a store: what is allowed instead. */
export class BadShorthand extends Error {
  readonly allowed: string
  constructor(allowed: string) {
    super('not a shorthand')
    this.allowed = allowed
  }
}

const FORMS: Readonly<Record<string, { readonly form: string; readonly read: (rest: string) => Readonly<Record<string, unknown>> | undefined }>> = {
  memory: { form: 'memory:', read: rest => (rest === '' ? { type: 'memory' } : undefined) },
  local: { form: 'local:///folder or local:./folder', read: rest => withPath('local', rest) },
  aws: {
    form: 'aws://region',
    read: rest => read(/^\/\/(?<region>[^/]+)\/?$/, rest, ({ region }) => ({ type: 'aws', region })),
  },
  gcp: {
    form: 'gcp://project or gcp://project/region',
    read: rest =>
      read(/^\/\/(?<projectId>[^/]+)(?:\/(?<region>[^/]+))?\/?$/, rest, ({ projectId, region }) => ({
        type: 'gcp',
        projectId,
        ...(region && { region }),
      })),
  },
  azure: {
    form: 'azure://vault-host',
    read: rest => read(/^\/\/(?<host>[^/]+)\/?$/, rest, ({ host }) => ({ type: 'azure', vaultUrl: `https://${host}` })),
  },
  vault: { form: 'vault://host:port/mount', read: rest => vault('https', rest) },
  'vault+http': {
    form: 'vault+http://127.0.0.1:port/mount, on the loopback only',
    read: rest => (/^\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?=[:/]|$)/.test(rest) ? vault('http', rest) : undefined),
  },
}

/** The URL form of a store as its object form. Its query holds further fields, all of them text. @throws BadShorthand */
export function storeOfUrl(url: string): Readonly<Record<string, unknown>> {
  const [, scheme, rest, query] = /^([a-z][a-z0-9+.-]*):([^?]*)(?:\?(.*))?$/s.exec(url) ?? []
  const known = scheme !== undefined && Object.hasOwn(FORMS, scheme) ? FORMS[scheme] : undefined
  if (known === undefined)
    throw new BadShorthand(
      `an object, or a URL: ${Object.values(FORMS)
        .map(({ form }) => form)
        .join('; ')}`,
    )
  const fields = rest?.includes('@') === true && scheme !== 'local' ? undefined : known.read(decoded(rest ?? ''))
  if (fields === undefined) throw new BadShorthand(known.form)
  return withQuery(fields, query ?? '', known.form)
}

/** `sqlite:./file`, `sqlite:///file` or `memory:` as the object form. @throws BadShorthand */
export function metadataOfUrl(url: string): Readonly<Record<string, unknown>> {
  if (url === 'memory:') return { type: 'memory' }
  const fields = url.startsWith('sqlite:') ? withPath('sqlite', decoded(url.slice('sqlite:'.length))) : undefined
  if (fields !== undefined) return fields
  // A URL of PostgreSQL has a password in it.
  throw new BadShorthand('sqlite:./file, sqlite:///file, memory:, or { type: postgres, url: { env: NAME } }')
}

function withPath(type: string, rest: string): Readonly<Record<string, unknown>> | undefined {
  const path = rest.startsWith('///') ? rest.slice(2) : rest
  return path === '' || path.startsWith('//') ? undefined : { type, path }
}

function vault(protocol: string, rest: string): Readonly<Record<string, unknown>> | undefined {
  return read(/^\/\/(?<host>[^/]+)(?:\/(?<mount>.*?))?\/?$/, rest, ({ host, mount }) => ({
    type: 'vault',
    address: `${protocol}://${host}`,
    ...(mount && { mount }),
  }))
}

function read(
  form: RegExp,
  rest: string,
  fields: (groups: Readonly<Record<string, string | undefined>>) => Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | undefined {
  const groups = form.exec(rest)?.groups
  return groups === undefined ? undefined : fields(groups)
}

/** No field twice, as in a file: neither in the query nor beside what the URL itself says. */
function withQuery(own: Readonly<Record<string, unknown>>, query: string, form: string): Readonly<Record<string, unknown>> {
  const fields = Object.assign(withoutPrototype(), own)
  for (const [name, value] of new URLSearchParams(query)) {
    const twice = (): BadShorthand => new BadShorthand(`${form}, with each further field once: ${shownName(name)} is there already`)
    const parts = name.split('.')
    const last = parts.pop() ?? ''
    let at = fields
    for (const part of parts) {
      const next = (at[part] ??= withoutPrototype())
      if (!isPlainObject(next)) throw twice()
      at = next
    }
    if (Object.hasOwn(at, last)) throw twice()
    at[last] = value
  }
  return fields
}

/** So that `__proto__` in a URL is a field like any other, and refused as one. */
function withoutPrototype(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
