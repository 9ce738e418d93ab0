import type { Protocol, WireAnswer, WireRequest } from '../shared/http-server.ts'
import type { Context } from './context.ts'
import { camel, fromJson, refuseUnknown, snake, toJson } from './json.ts'
import { credentialOf, perform, secretIdOf } from './protocol.ts'
import type { HttpRule, Protos, Rpc } from './protos.ts'
import type { Message } from './resources.ts'
import { GoogleStatus, invalid, statusOfName, throttled } from './status.ts'

interface Route extends HttpRule {
  readonly rpc: Rpc
  readonly path: RegExp
  /** The field that the path names: `name`, `parent`, `secret.name`. */
  readonly field: string
}

/** Parameters of every Google API: they say how to answer, not what. */
const SYSTEM: ReadonlySet<string> = new Set([
  '$alt',
  'alt',
  '$prettyPrint',
  'prettyPrint',
  'key',
  'fields',
  '$fields',
  'quotaUser',
  '$.xgafv',
  'callback',
])
const NUMBERS: ReadonlySet<string> = new Set(['pageSize'])

/** Google's REST API, made of the HTTP annotations of its protos. */
export function restProtocol(context: Context, { rpcs }: Protos): Protocol {
  const routes = [...rpcs.values()].flatMap(rpc => rpc.rules.map(rule => routeOf(rpc, rule)))

  const find = ({ method, url }: WireRequest): { readonly route: Route; readonly resource: string } | undefined => {
    for (const route of routes) {
      const match = route.method === method ? route.path.exec(url.pathname) : null
      if (match?.[1] !== undefined) return { route, resource: decoded(match[1]) }
    }
    return undefined
  }

  return {
    operationOf(request) {
      const found = find(request)
      if (found === undefined) return { operation: 'Unknown', name: undefined }
      const secretId = request.url.searchParams.get('secretId') ?? ''
      return { operation: found.route.rpc.name, name: secretIdOf({ secretId, name: found.resource }) }
    },

    handle(request) {
      const found = find(request)
      if (found === undefined) return page404(request)
      try {
        const enumsAsNumbers = (request.url.searchParams.get('$alt') ?? '').includes('enum-encoding=int')
        const message = messageOf(request, found.route, found.resource)
        const answer = perform(context, found.route.rpc.name, message, credentialOf(request.headers))
        return json(200, toJson(answer, enumsAsNumbers))
      } catch (error) {
        return errorAnswer(error)
      }
    },

    throttled: retryAfterMs => {
      const answer = errorAnswer(throttled(context.project.number, retryAfterMs))
      if (retryAfterMs === undefined) return answer
      return { ...answer, headers: { ...answer.headers, 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } }
    },

    failed: code => errorAnswer(statusOfName(code)),
  }
}

function routeOf(rpc: Rpc, rule: HttpRule): Route {
  const [, before = '', field = '', resource = '', after = ''] = /^(.*)\{([a-z_.]+)=([^}]+)\}(.*)$/.exec(rule.pattern) ?? []
  return { ...rule, rpc, field, path: new RegExp(`^${before}(${resource.replaceAll('*', '[^/:]+')})${after}$`) }
}

function messageOf(request: WireRequest, { rpc, body, field }: Route, resource: string): Message {
  const given: Record<string, unknown> = {}
  const inBody = fromJson(bodyOf(request, body))
  if (body === '*') Object.assign(given, inBody)
  else if (body !== undefined) given[body] = inBody
  for (const [key, value] of request.url.searchParams) {
    const name = camel(key)
    if (SYSTEM.has(key)) continue
    if (name === 'updateMask') given[name] = { paths: value === '' ? [] : value.split(',').map(snake) }
    else if (NUMBERS.has(name) && !/^-?\d{1,9}$/.test(value)) throw invalid(`Invalid value at '${key}' (TYPE_INT32).`)
    else given[name] = NUMBERS.has(name) ? Number(value) : value
  }
  const [outer = '', inner] = field.split('.')
  given[outer] = inner === undefined ? resource : { ...(given[outer] as object), [inner]: resource }
  const message = decodedAs(rpc, given)
  refuseUnknown(given, message)
  return message
}

/** Through the wire's form, so that both transports give the same message. */
function decodedAs(rpc: Rpc, given: Message): Message {
  try {
    return rpc.decodeRequest(rpc.encodeRequest(given))
  } catch {
    throw invalid('Invalid JSON payload received.')
  }
}

function bodyOf({ body }: WireRequest, rule: string | undefined): unknown {
  if (body.byteLength === 0) return {}
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch {
    throw invalid('Invalid JSON payload received. Unexpected token.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('Invalid JSON payload received.')
  if (rule === undefined && Object.keys(value).length > 0) throw invalid('Invalid JSON payload received. This request has no body.')
  return value
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function errorAnswer(error: unknown): WireAnswer {
  const status = error instanceof GoogleStatus ? error : statusOfName('INTERNAL')
  const details = status.details.map(({ type, value }) => ({
    '@type': `type.googleapis.com/google.rpc.${type}`,
    ...(toJson(value, false) as object),
  }))
  const body = { code: status.http, message: status.message, status: status.status, ...(details.length > 0 && { details }) }
  return json(status.http, { error: body })
}

function json(status: number, body: unknown): WireAnswer {
  return { status, headers: { 'content-type': 'application/json; charset=UTF-8' }, body: `${JSON.stringify(body, null, 2)}\n` }
}

/** What is no path of the API is answered by Google's front end, in HTML. */
function page404({ url }: WireRequest): WireAnswer {
  const path = url.pathname.replaceAll(/[^\w/:.-]/g, '')
  const body = `<!DOCTYPE html>\n<html lang=en><title>Error 404 (Not Found)!!1</title><p>The requested URL <code>${path}</code> was not found on this server.</html>\n`
  return { status: 404, headers: { 'content-type': 'text/html; charset=UTF-8' }, body }
}
