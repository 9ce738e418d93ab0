import type { Protocol, WireRequest } from '../shared/http-server.ts'
import { codeOf, Refusal, refused } from './errors.ts'
import { checkApiVersion } from './limits.ts'
import type { Operation } from './operations.ts'
import type { Tokens } from './tokens.ts'

interface Route {
  readonly operation: string
  readonly name: string
  readonly version: string
}

const UNKNOWN_METHOD = 'UnknownMethod'
const UNKNOWN_PATH = 'UnknownPath'

/** The REST interface of a vault's secrets. */
export function azureProtocol(operations: Readonly<Record<string, Operation>>, tokens: Tokens): Protocol {
  return {
    operationOf: request => {
      const { operation, name } = routeOf(request)
      return { operation, name: name === '' ? undefined : name }
    },
    handle: (request, operation) => {
      const query = request.url.searchParams
      try {
        tokens.check(request.headers.authorization, operation)
        checkApiVersion(query.get('api-version'))
        const run = operations[operation]
        if (operation === UNKNOWN_METHOD) throw new Refusal('MethodNotAllowed', `HTTP ${request.method} not allowed`)
        if (run === undefined) throw new Refusal('NotFound')
        return run({ ...routeOf(request), query, body: request.body })
      } catch (error) {
        if (error instanceof Refusal) return refused(error)
        throw error
      }
    },
    throttled: retryAfterMs =>
      refused(new Refusal('Throttled'), retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
    failed: code => refused(new Refusal(codeOf(code))),
  }
}

type ByMethod = Readonly<Record<string, string>>
const OF_VAULT: ByMethod = { GET: 'GetSecrets' }
const OF_SECRET: ByMethod = { PUT: 'SetSecret', GET: 'GetSecret', PATCH: 'UpdateSecret', DELETE: 'DeleteSecret' }
const OF_VERSION: ByMethod = { GET: 'GetSecret', PATCH: 'UpdateSecret' }
const OF_VERSIONS: ByMethod = { GET: 'GetSecretVersions' }
const OF_BACKUP: ByMethod = { POST: 'BackupSecret' }
const OF_DELETED_ALL: ByMethod = { GET: 'GetDeletedSecrets' }
const OF_DELETED: ByMethod = { GET: 'GetDeletedSecret', DELETE: 'PurgeDeletedSecret' }
const OF_RECOVER: ByMethod = { POST: 'RecoverDeletedSecret' }

function routeOf({ method, url }: WireRequest): Route {
  const [collection = '', name = '', last = '', ...more] = url.pathname.split('/').filter(Boolean).map(decoded)
  if (collection === 'secrets' && name === 'restore' && last === '' && method === 'POST') return { operation: 'RestoreSecret', name: '', version: '' }
  const operations = more.length > 0 ? undefined : operationsAt(collection, name, last)
  if (operations === undefined) return { operation: UNKNOWN_PATH, name, version: '' }
  return { operation: operations[method] ?? UNKNOWN_METHOD, name, version: operations === OF_VERSION ? last : '' }
}

function operationsAt(collection: string, name: string, last: string): ByMethod | undefined {
  if (collection === 'secrets') {
    if (name === '') return OF_VAULT
    if (last === '') return OF_SECRET
    if (last === 'versions') return OF_VERSIONS
    return last === 'backup' ? OF_BACKUP : OF_VERSION
  }
  if (collection !== 'deletedsecrets') return undefined
  if (name === '') return OF_DELETED_ALL
  if (last === '') return OF_DELETED
  return last === 'recover' ? OF_RECOVER : undefined
}

/** What cannot be decoded stays as it is, and is then no valid name. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
