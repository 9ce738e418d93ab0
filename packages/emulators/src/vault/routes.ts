import type { WireAnswer } from '../shared/http-server.ts'
import { answer, failure, UNSUPPORTED, type Flavour } from './answers.ts'
import { multiError } from './limits.ts'

/** What a request asks for. */
export interface Route {
  /** `Unknown` when it is nothing that the emulator does. */
  readonly operation: string
  /** The engine's part, such as `data`. */
  readonly part?: string
  readonly key?: string
  /** The mount of a login. */
  readonly login?: string
  /** What a caller with a good token is told instead. */
  readonly refusal?: WireAnswer
}

const BY_METHOD: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  data: { GET: 'ReadData', POST: 'WriteData', PUT: 'WriteData', PATCH: 'PatchData', DELETE: 'DeleteData' },
  metadata: {
    GET: 'ReadMetadata',
    POST: 'WriteMetadata',
    PUT: 'WriteMetadata',
    PATCH: 'PatchMetadata',
    LIST: 'ListMetadata',
    DELETE: 'DeleteMetadata',
  },
  delete: { POST: 'DeleteVersions', PUT: 'DeleteVersions' },
  undelete: { POST: 'UndeleteVersions', PUT: 'UndeleteVersions' },
  destroy: { POST: 'DestroyVersions', PUT: 'DestroyVersions' },
  config: { GET: 'ReadConfig', POST: 'WriteConfig', PUT: 'WriteConfig' },
  'auth/token/lookup-self': { GET: 'LookupSelf', POST: 'LookupSelf' },
  'auth/token/renew-self': { POST: 'RenewSelf', PUT: 'RenewSelf' },
  'auth/token/revoke-self': { POST: 'RevokeSelf', PUT: 'RevokeSelf' },
  'auth/token/create': { POST: 'CreateToken', PUT: 'CreateToken' },
  'sys/health': { GET: 'ReadHealth', HEAD: 'ReadHealth' },
  'sys/seal-status': { GET: 'ReadSealStatus' },
}
const COMMANDS: Readonly<Record<string, string>> = { LIST: 'list', DELETE: 'delete', PATCH: 'patch', POST: 'put', PUT: 'put' }

export interface Mounts {
  readonly flavour: Flavour
  readonly mount: string
  readonly loginAt: (mount: string) => string | undefined
}

export function routeOf(method: string, path: string, { flavour, mount, loginAt }: Mounts): Route {
  const fixed = path.startsWith('sys/') || path.startsWith('auth/') ? BY_METHOD[path] : undefined
  if (fixed !== undefined) return byMethod(fixed, method, {})
  const [, auth] = /^auth\/(.+)\/login$/.exec(path) ?? []
  const login = auth === undefined ? undefined : loginAt(auth)
  if (auth !== undefined && login !== undefined) {
    return method === 'POST' || method === 'PUT' ? { operation: login, login: auth } : { operation: 'Unknown', refusal: UNSUPPORTED }
  }
  if (path.startsWith('sys/') || path.startsWith('auth/token/')) {
    return { operation: 'Unknown', refusal: failure(404, multiError(['unsupported path'])) }
  }
  if (path !== mount && !path.startsWith(`${mount}/`)) {
    const shown = method === 'LIST' && !path.endsWith('/') ? `${path}/` : path
    return { operation: 'Unknown', refusal: failure(404, `no handler for route "${shown}". route entry not found.`) }
  }
  return inEngine(method, path.slice(mount.length + 1), flavour)
}

function inEngine(method: string, path: string, flavour: Flavour): Route {
  const [part = '', ...rest] = path.split('/')
  const key = rest.join('/')
  const named = part !== 'config' && Object.hasOwn(BY_METHOD, part)
  if (path === 'config' && method !== 'LIST') return byMethod(BY_METHOD['config'], method, { part })
  if (!named) {
    const [product, program] = flavour === 'openbao' ? ['OpenBao', 'bao'] : ['Vault', 'vault']
    const command = `If using the ${product} CLI, use '${program} kv ${COMMANDS[method] ?? 'get'}' for this operation.`
    return warned(flavour, `Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. ${command}`)
  }
  if (path === part && method !== 'LIST') return warned(flavour, 'Non-listing operations on the root of a K/V v2 mount are not supported.')
  return byMethod(BY_METHOD[part], method, { part, key })
}

function byMethod(methods: Readonly<Record<string, string>> | undefined, method: string, rest: Omit<Route, 'operation'>): Route {
  const operation = methods?.[method]
  return operation === undefined ? { operation: 'Unknown', ...rest, refusal: UNSUPPORTED } : { operation, ...rest }
}

function warned(flavour: Flavour, warning: string): Route {
  return { operation: 'Unknown', refusal: answer(flavour, 404, { warnings: [warning] }) }
}
