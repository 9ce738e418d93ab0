import { etagOf, nameIn, type Context } from './context.ts'
import { filterOf, secretFields } from './filters.ts'
import {
  checkAliases,
  checkAnnotations,
  checkEncryption,
  checkLabels,
  checkReplication,
  checkRotation,
  checkSecretId,
  destroyTtlOf,
  expiryOf,
  type SecretInput,
} from './limits.ts'
import type { ListRequest } from './pages.ts'
import { secretMessage, secretName, type Message, type Replication, type Secret } from './resources.ts'
import { GoogleStatus, invalid, notFound, precondition } from './status.ts'

export function createSecret(
  context: Context,
  request: { readonly parent: string; readonly secretId: string; readonly secret: SecretInput | null },
): Message {
  const { store, project } = context
  const { location } = nameIn(context, request.parent, 'parent', 'secretmanager.secrets.create')
  const { secretId: id, secret: input } = request
  checkSecretId(id)
  if (input === null) throw invalid('Secret must be provided.')
  checkReplication(input, location)
  const { labels, annotations, versionAliases, topics } = input
  checkLabels(labels)
  checkAnnotations(annotations)
  checkAliases(versionAliases, 0)
  const createTime = store.stamp()
  checkRotation(input, createTime)
  const expireTime = expiryOf(input, createTime)
  const versionDestroyTtl = destroyTtlOf(input)
  if (store.get(location, id) !== undefined)
    throw new GoogleStatus('ALREADY_EXISTS', `Secret [${secretName(project, { id, location })}] already exists.`)
  const secret: Secret = {
    id,
    location,
    createTime,
    replication: location === undefined ? replicationOf(input) : undefined,
    labels,
    annotations,
    aliases: versionAliases,
    topics: topics.map(({ name }) => ({ name })),
    rotation: input.rotation ?? undefined,
    encryption: input.customerManagedEncryption ?? undefined,
    expireTime,
    versionDestroyTtl,
    etag: etagOf(context),
    versions: [],
  }
  store.put(secret)
  return secretMessage(project, secret)
}

export function getSecret(context: Context, request: { readonly name: string }): Message {
  const { store, project, controls } = context
  const { location, secret: id } = nameIn(context, request.name, 'secret', 'secretmanager.secrets.get')
  return secretMessage(project, found(context, location, id, store.get(location, id, controls.lag.metadata)))
}

export function updateSecret(
  context: Context,
  request: { readonly secret: SecretInput | null; readonly updateMask: { readonly paths: readonly string[] } | null },
): Message {
  const { store, project } = context
  const { secret: input, updateMask } = request
  if (input === null) throw invalid('Secret must be provided.')
  const { location, secret: id } = nameIn(context, input.name, 'secret', 'secretmanager.secrets.update')
  const paths = updateMask?.paths ?? []
  if (paths.length === 0) throw invalid('Field [update_mask] is required.')
  const old = found(context, location, id, store.get(location, id))
  checkEtag(input.etag, old.etag)
  const changes = (paths.includes('*') ? Object.keys(CHANGES) : paths).map(path => {
    const change = Object.hasOwn(CHANGES, path) ? CHANGES[path] : undefined
    if (change === undefined) throw invalid(`Field [${path}] of the update mask cannot be updated.`)
    return change(input, old, store.stamp())
  })
  const secret: Secret = Object.assign({}, old, ...changes, { etag: etagOf(context) })
  // What was set may depend on what was not, in whatever order the mask has them.
  checkRotation(
    { rotation: (secret.rotation as SecretInput['rotation'] | undefined) ?? null, topics: secret.topics as SecretInput['topics'] },
    store.stamp(),
  )
  store.put(secret)
  return secretMessage(project, secret)
}

/** The fields that `update_mask` may name: what each one becomes. */
const CHANGES: Readonly<Record<string, (input: SecretInput, old: Secret, now: number) => Partial<Secret>>> = {
  labels: ({ labels }) => {
    checkLabels(labels)
    return { labels }
  },
  annotations: ({ annotations }) => {
    checkAnnotations(annotations)
    return { annotations }
  },
  version_aliases: ({ versionAliases }, { versions }) => {
    checkAliases(versionAliases, versions.length)
    return { aliases: versionAliases }
  },
  topics: ({ topics }) => ({ topics: topics.map(({ name }) => ({ name })) }),
  rotation: ({ rotation }) => ({ rotation: rotation ?? undefined }),
  'rotation.next_rotation_time': ({ rotation }, old) => ({ rotation: { ...old.rotation, nextRotationTime: rotation?.nextRotationTime ?? null } }),
  'rotation.rotation_period': ({ rotation }, old) => ({ rotation: { ...old.rotation, rotationPeriod: rotation?.rotationPeriod ?? null } }),
  expire_time: (input, _, now) => ({ expireTime: expiryOf(input, now) }),
  ttl: (input, _, now) => ({ expireTime: expiryOf(input, now) }),
  customer_managed_encryption: ({ customerManagedEncryption: encryption }, { location }) => {
    checkEncryption(encryption, location)
    return { encryption: encryption ?? undefined }
  },
  version_destroy_ttl: input => ({ versionDestroyTtl: destroyTtlOf(input) }),
}

export function deleteSecret(context: Context, request: { readonly name: string; readonly etag: string }): Message {
  const { store } = context
  const { location, secret: id } = nameIn(context, request.name, 'secret', 'secretmanager.secrets.delete')
  const secret = found(context, location, id, store.get(location, id))
  checkEtag(request.etag, secret.etag)
  store.remove(secret)
  return {}
}

export function listSecrets(context: Context, request: ListRequest): Message {
  const { store, project, controls, pages } = context
  const { location } = nameIn(context, request.parent, 'parent', 'secretmanager.secrets.list')
  const all = store.list(location, controls.lag.lists)
  const test = filterOf(request.filter, secretFields(project), NOBODY)
  const { items, ...page } = pages.page(request, all, test)
  return { secrets: items.map(secret => secretMessage(project, secret)), ...page }
}

/** @throws GoogleStatus FAILED_PRECONDITION when an etag was given and is not the stored one */
export function checkEtag(given: string, stored: string): void {
  if (given !== '' && given !== stored) throw precondition('The etag that was given does not match the stored one.')
}

export function found(context: Context, location: string | undefined, id: string, secret: Secret | undefined): Secret {
  if (secret === undefined) throw notFound(`Secret [${secretName(context.project, { id, location })}] not found.`)
  return secret
}

function replicationOf({ replication }: SecretInput): Replication {
  const { automatic, userManaged } = replication ?? {}
  return userManaged ? { userManaged } : { automatic: automatic ?? {} }
}

/** For filters: a secret with nothing in it. */
const NOBODY: Secret = {
  id: 'nobody',
  location: undefined,
  createTime: 0,
  replication: undefined,
  labels: {},
  annotations: {},
  aliases: {},
  topics: [],
  rotation: undefined,
  encryption: undefined,
  expireTime: undefined,
  versionDestroyTtl: undefined,
  etag: '',
  versions: [],
}
