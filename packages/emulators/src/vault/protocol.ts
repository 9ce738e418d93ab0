import type { Controls } from '../shared/controls.ts'
import type { Protocol, WireAnswer, WireRequest } from '../shared/http-server.ts'
import { DENIED, failed, failure, SEALED, throttled, unauthenticated, type Flavour } from './answers.ts'
import type { Tokens } from './auth.ts'
import type { KvCall } from './call.ts'
import { BadRequest, type Fields } from './fields.ts'
import { ignoredFields, OPERATIONS } from './kv.ts'
import { isPrintable } from './limits.ts'
import type { Logins } from './logins.ts'
import { fieldsOf, methodOf, NOT_THE_API, pathOf, redirect, tokenOf, UNREADABLE, WRITES } from './request.ts'
import { routeOf, type Route } from './routes.ts'
import { Tree } from './state.ts'
import { health, sealStatus } from './status.ts'

export interface VaultParts {
  readonly flavour: Flavour
  readonly mount: string
  /** Undefined: every namespace is there. */
  readonly namespaces: readonly string[] | undefined
  readonly maxRequestBytes: number
  readonly maxEntryBytes: number
  readonly controls: Controls
  readonly tokens: Tokens
  readonly logins: Logins
  readonly isSealed: () => boolean
}

/** What Vault or OpenBao answers to a request. */
export class VaultProtocol implements Protocol {
  readonly throttled: Protocol['throttled'] = throttled
  readonly failed: Protocol['failed'] = failed
  readonly #parts: VaultParts
  readonly #trees = new Map<string, Tree>()

  constructor(parts: VaultParts) {
    this.#parts = parts
  }

  operationOf(request: WireRequest): { readonly operation: string; readonly name: string | undefined } {
    const [method, path] = [methodOf(request), pathOf(request)]
    const route = method === undefined || path === undefined ? undefined : this.#routeOf(method, path)
    return { operation: route?.operation ?? 'Unknown', name: route?.key === '' ? undefined : route?.key }
  }

  handle(request: WireRequest): WireAnswer {
    try {
      return this.#answer(request)
    } catch (error) {
      if (error instanceof BadRequest) return failure(400, error.message)
      throw error
    }
  }

  #answer(request: WireRequest): WireAnswer {
    const { flavour, controls, tokens, logins, maxRequestBytes, isSealed } = this.#parts
    const [method, path] = [methodOf(request), pathOf(request)]
    if (path === undefined) return request.url.pathname.startsWith('/v1/') ? UNREADABLE : NOT_THE_API
    if (path.includes('//')) return redirect(request)
    if (!isPrintable(path)) return { status: 400, body: '' }
    if (method === undefined) return failure(400)
    const route = this.#routeOf(method, path)
    if (route.operation === 'ReadHealth') return health(flavour, isSealed(), controls.clock.now())
    if (route.operation === 'ReadSealStatus') return sealStatus(flavour, isSealed())
    if (isSealed()) return SEALED
    const tree = this.#treeOf(request)
    if (tree === undefined) return failure(404, 'namespace not found')
    if (request.body.byteLength > maxRequestBytes) return failure(413, 'http: request body too large')
    const said = fieldsOf(request, method)
    if ('refusal' in said) return said.refusal
    if (/(^|\/)\.{1,2}(\/|$)/.test(path)) return failure(400, 'relative paths not supported')
    if (path.endsWith('/') && WRITES.includes(method)) return failure(400, "cannot write to a path ending in '/'")
    if (route.login !== undefined) {
      const login = logins.logIn(route.login, said.fields)
      return 'role' in login ? tokens.loggedIn(login) : login
    }
    const token = tokenOf(request)
    const access = tokens.access(token, route.operation)
    if (token === undefined || access === 'unauthenticated') return unauthenticated(flavour, token)
    if (access === 'denied') return DENIED
    if (route.refusal !== undefined) return route.refusal
    const own = tokens.operations[route.operation]
    return validated(route.operation, () => (own === undefined ? this.#inEngine(route, said.fields, tree) : own({ token, fields: said.fields })))
  }

  #inEngine({ operation, part = '', key = '' }: Route, fields: Fields, tree: Tree): WireAnswer {
    const { flavour, controls, maxEntryBytes } = this.#parts
    const now = controls.clock.now()
    const { latest, lists } = controls.lag
    const trimmed = key.replace(/\/$/, '')
    const call: KvCall = {
      flavour,
      tree,
      key: trimmed,
      fields,
      now,
      readsAt: now - latest,
      listsAt: now - lists,
      maxEntryBytes,
      warnings: ignoredFields(flavour, part, fields),
      write: entry => tree.write(trimmed, entry, now, Math.max(latest, lists)),
    }
    const handler = OPERATIONS[operation]
    if (handler === undefined) throw new Error(`nothing handles ${operation}`)
    return handler(call)
  }

  #routeOf(method: string, path: string): Route {
    const { flavour, mount, logins } = this.#parts
    return routeOf(method, path, { flavour, mount, loginAt: at => logins.operationAt(at) })
  }

  #treeOf({ headers }: WireRequest): Tree | undefined {
    const given = headers['x-vault-namespace']
    const name = (typeof given === 'string' ? given : '').replaceAll(/^\/+|\/+$/g, '').replace(/^root$/, '')
    if (name !== '' && this.#parts.namespaces?.includes(name) === false) return undefined
    const tree = this.#trees.get(name) ?? new Tree()
    this.#trees.set(name, tree)
    return tree
  }
}

/** Where the server first looks whether the path exists, that step refuses a field; elsewhere it is the validation, which says so. */
function validated(operation: string, work: () => WireAnswer): WireAnswer {
  try {
    return work()
  } catch (error) {
    const conversion = error instanceof BadRequest && error.message.startsWith('error converting')
    if (conversion && operation !== 'WriteData' && operation !== 'WriteMetadata') throw new BadRequest(`Field validation failed: ${error.message}`)
    throw error
  }
}
