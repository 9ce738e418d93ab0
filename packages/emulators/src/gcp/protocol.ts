import type { Context } from './context.ts'
import type { Message } from './resources.ts'
import { createSecret, deleteSecret, getSecret, listSecrets, updateSecret } from './secrets.ts'
import { denied, GoogleStatus, unauthenticated } from './status.ts'
import {
  accessSecretVersion,
  addSecretVersion,
  destroySecretVersion,
  disableSecretVersion,
  enableSecretVersion,
  getSecretVersion,
  listSecretVersions,
} from './versions.ts'

/** Who sends neither a token nor a key, such as the official client over gRPC without TLS. */
const ANONYMOUS = 'anonymous'

interface Operation {
  readonly permission: string
  /** The resource that the permission is asked for. */
  readonly resource: (request: never) => unknown
  readonly perform: (context: Context, request: never) => Message
}

const name = (request: { readonly name: string }): unknown => request.name
const parent = (request: { readonly parent: string }): unknown => request.parent

const OPERATIONS: Readonly<Record<string, Operation>> = {
  CreateSecret: { permission: 'secretmanager.secrets.create', resource: parent, perform: createSecret },
  GetSecret: { permission: 'secretmanager.secrets.get', resource: name, perform: getSecret },
  UpdateSecret: {
    permission: 'secretmanager.secrets.update',
    resource: ({ secret }: { readonly secret: { readonly name: string } | null }) => secret?.name,
    perform: updateSecret,
  },
  DeleteSecret: { permission: 'secretmanager.secrets.delete', resource: name, perform: deleteSecret },
  ListSecrets: { permission: 'secretmanager.secrets.list', resource: parent, perform: listSecrets },
  AddSecretVersion: { permission: 'secretmanager.versions.add', resource: parent, perform: addSecretVersion },
  AccessSecretVersion: { permission: 'secretmanager.versions.access', resource: name, perform: accessSecretVersion },
  GetSecretVersion: { permission: 'secretmanager.versions.get', resource: name, perform: getSecretVersion },
  ListSecretVersions: { permission: 'secretmanager.versions.list', resource: parent, perform: listSecretVersions },
  EnableSecretVersion: { permission: 'secretmanager.versions.enable', resource: name, perform: enableSecretVersion },
  DisableSecretVersion: { permission: 'secretmanager.versions.disable', resource: name, perform: disableSecretVersion },
  DestroySecretVersion: { permission: 'secretmanager.versions.destroy', resource: name, perform: destroySecretVersion },
}

/** One call, whichever way it came. It is not asynchronous, so that each call is one atomic step. @throws GoogleStatus */
export function perform(context: Context, operation: string, request: Message, credential: string): Message {
  const { controls } = context
  if (operation === 'TestIamPermissions') return testIamPermissions(context, request, credential)
  const known = Object.hasOwn(OPERATIONS, operation) ? OPERATIONS[operation] : undefined
  if (known === undefined) throw new GoogleStatus('UNIMPLEMENTED', `${operation} is not part of this emulator.`)
  const access = controls.accessOf(credential, operation)
  if (access === 'unauthenticated') throw unauthenticated(credential === ANONYMOUS)
  if (access === 'denied') throw denied(known.permission, String(known.resource(request as never)))
  return known.perform(context, request as never)
}

/** The resource that a request names: for the journal, only the secret's id. */
export function secretIdOf(request: Message): string | undefined {
  const { secret, secretId, parent: of, name: own, resource } = request
  if (typeof secretId === 'string' && secretId !== '') return secretId
  const inSecret = typeof secret === 'object' && secret !== null ? (secret as { readonly name?: unknown }).name : undefined
  for (const text of [own, of, resource, inSecret]) {
    const match = typeof text === 'string' ? /\/secrets\/([^/]+)/.exec(text) : null
    if (match !== null) return match[1]
  }
  return undefined
}

/** The credential of a request by its headers: a bearer token, an API key, or nobody's. */
export function credentialOf(headers: Readonly<Record<string, unknown>>): string {
  const { authorization, 'x-goog-api-key': key } = headers
  const token = typeof authorization === 'string' ? /^Bearer (.+)$/i.exec(authorization)?.[1] : undefined
  return token ?? (typeof key === 'string' ? key : ANONYMOUS)
}

/** Of a secret that is not there: none, and no error. service.proto, TestIamPermissions. */
function testIamPermissions({ controls, store, project }: Context, request: Message, credential: string): Message {
  const { resource, permissions } = request as { readonly resource: string; readonly permissions: readonly string[] }
  const [, ofProject, location, id = ''] = /^projects\/([^/]+)(?:\/locations\/([^/]+))?\/secrets\/([^/]+)$/.exec(resource) ?? []
  if ((ofProject !== project.id && ofProject !== project.number) || store.get(location, id) === undefined) return { permissions: [] }
  const allowed = Object.entries(OPERATIONS).filter(([operation]) => controls.accessOf(credential, operation) === 'allowed')
  const granted = new Set(allowed.map(([, { permission }]) => permission))
  return { permissions: permissions.filter(permission => granted.has(permission)) }
}
