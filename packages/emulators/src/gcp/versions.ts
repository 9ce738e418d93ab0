import { etagOf, nameIn, type Context } from './context.ts'
import { crc32c } from './crc32c.ts'
import { filterOf, versionFields } from './filters.ts'
import { checkPayload } from './limits.ts'
import type { ListRequest } from './pages.ts'
import { secretName, versionMessage, versionName, type Message, type Secret, type Version } from './resources.ts'
import { checkEtag, found } from './secrets.ts'
import { invalid, notFound, precondition } from './status.ts'

interface AddRequest {
  readonly parent: string
  readonly payload: { readonly data: Buffer; readonly dataCrc32c?: string | null } | null
}

export function addSecretVersion(context: Context, request: AddRequest): Message {
  const { store, project } = context
  const { location, secret: id } = nameIn(context, request.parent, 'secret', 'secretmanager.versions.add')
  if (request.payload === null) throw invalid('Field [payload] is required.')
  const { data, dataCrc32c } = request.payload
  checkPayload(data)
  const checksum = crc32c(data)
  const clientChecksum = typeof dataCrc32c === 'string'
  if (clientChecksum && dataCrc32c !== checksum) throw invalid('The checksum of the Secret Payload does not match its data.')
  const secret = found(context, location, id, store.get(location, id))
  const version: Version = {
    number: secret.versions.length + 1,
    createTime: store.stamp(),
    state: 'ENABLED',
    destroyTime: undefined,
    scheduledDestroyTime: undefined,
    etag: etagOf(context),
    data,
    crc32c: checksum,
    clientChecksum,
  }
  // The secret's etag stays: a request changes only that of the resource it is about.
  store.put({ ...secret, versions: [...secret.versions, version] })
  return versionMessage(project, secret, version)
}

export function accessSecretVersion(context: Context, request: { readonly name: string }): Message {
  const { secret, version } = versionOf(context, request.name, 'secretmanager.versions.access', true)
  const name = versionName(context.project, secret, version.number)
  if (version.state !== 'ENABLED') throw precondition(`Secret Version [${name}] is in ${version.state} state.`)
  return { name, payload: { data: version.data, dataCrc32c: version.crc32c } }
}

export function getSecretVersion(context: Context, request: { readonly name: string }): Message {
  const { secret, version } = versionOf(context, request.name, 'secretmanager.versions.get', false)
  return versionMessage(context.project, secret, version)
}

export function listSecretVersions(context: Context, request: ListRequest): Message {
  const { store, project, controls, pages } = context
  const { location, secret: id } = nameIn(context, request.parent, 'secret', 'secretmanager.versions.list')
  const secret = found(context, location, id, store.get(location, id, controls.lag.lists))
  const test = filterOf(request.filter, versionFields(project, secret), NOTHING)
  const { items, ...page } = pages.page(request, secret.versions, test)
  return { versions: items.map(version => versionMessage(project, secret, version)), ...page }
}

interface ChangeRequest {
  readonly name: string
  readonly etag: string
}

export function enableSecretVersion(context: Context, request: ChangeRequest): Message {
  return change(context, request, 'secretmanager.versions.enable', () => ({ state: 'ENABLED', scheduledDestroyTime: undefined }))
}

export function disableSecretVersion(context: Context, request: ChangeRequest): Message {
  return change(context, request, 'secretmanager.versions.disable', () => ({ state: 'DISABLED', scheduledDestroyTime: undefined }))
}

export function destroySecretVersion(context: Context, request: ChangeRequest): Message {
  return change(context, request, 'secretmanager.versions.destroy', ({ versionDestroyTtl }) => {
    const now = context.store.stamp()
    if (versionDestroyTtl !== undefined) return { state: 'DISABLED', scheduledDestroyTime: now + versionDestroyTtl * 1_000_000 }
    return { state: 'DESTROYED', destroyTime: now, data: Buffer.alloc(0) }
  })
}

function change(context: Context, request: ChangeRequest, permission: string, changesOf: (secret: Secret) => Partial<Version>): Message {
  const { store, project } = context
  const { location, secret: id, version: number } = nameIn(context, request.name, 'version', permission)
  // An alias, `latest` too, is only for AccessSecretVersion and GetSecretVersion: resources.proto, Secret.version_aliases.
  if (!isNumber(number)) throw invalid(`Resource ID [${request.name}] is not in a valid format.`)
  const secret = store.get(location, id)
  const old = secret?.versions[Number(number) - 1]
  if (secret === undefined || old === undefined) throw missing(context, location, id, number)
  if (old.state === 'DESTROYED') throw precondition('SecretVersion.state is already DESTROYED.')
  checkEtag(request.etag, old.etag)
  const version: Version = { ...old, ...changesOf(secret), etag: etagOf(context) }
  store.put({ ...secret, versions: secret.versions.with(old.number - 1, version) })
  return versionMessage(project, secret, version)
}

/** By number, `latest` or alias. An access by number sees every write; nothing else is said to. */
function versionOf(context: Context, name: string, permission: string, access: boolean): { readonly secret: Secret; readonly version: Version } {
  const { store, project, controls } = context
  const { location, secret: id, version: wanted } = nameIn(context, name, 'version', permission)
  const lagOfAccess = isNumber(wanted) ? 0 : controls.lag.latest
  const secret = store.get(location, id, access ? lagOfAccess : controls.lag.metadata)
  if (wanted === 'latest') {
    const version = secret?.versions.at(-1)
    if (secret === undefined || version === undefined)
      throw notFound(`Secret [${secretName(project, { id, location })}] not found or has no versions.`)
    return { secret, version }
  }
  const number = isNumber(wanted) ? wanted : secret !== undefined && Object.hasOwn(secret.aliases, wanted) ? secret.aliases[wanted] : undefined
  const version = secret?.versions[Number(number) - 1]
  if (secret === undefined || version === undefined) throw missing(context, location, id, wanted)
  return { secret, version }
}

function isNumber(version: string): boolean {
  return /^[1-9]\d{0,14}$/.test(version)
}

function missing({ project }: Context, location: string | undefined, id: string, version: string): Error {
  return notFound(`Secret Version [${secretName(project, { id, location })}/versions/${version}] not found.`)
}

/** For filters. */
const NOTHING: Version = {
  number: 0,
  createTime: 0,
  state: 'ENABLED',
  destroyTime: undefined,
  scheduledDestroyTime: undefined,
  etag: '',
  data: Buffer.alloc(0),
  crc32c: '0',
  clientChecksum: false,
}
