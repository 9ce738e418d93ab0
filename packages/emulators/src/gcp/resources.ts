import { invalid } from './status.ts'

/** Microseconds since 1970, the resolution of Google's times. */
export type Micros = number

export interface Timestamp {
  readonly seconds: string | number
  readonly nanos: number
}

/** A message as the protos have it, in lower camel case, times as seconds and nanoseconds, 64-bit numbers as text. */
export type Message = Readonly<Record<string, unknown>>

type State = 'ENABLED' | 'DISABLED' | 'DESTROYED'

export interface Version {
  readonly number: number
  readonly createTime: Micros
  readonly state: State
  readonly destroyTime: Micros | undefined
  /** When a version that is to be destroyed later will be. */
  readonly scheduledDestroyTime: Micros | undefined
  readonly etag: string
  readonly data: Buffer
  readonly crc32c: string
  readonly clientChecksum: boolean
}

/** A key of the customer's, which nothing is encrypted with here. */
export interface Encryption {
  readonly kmsKeyName: string
}

interface Encrypted {
  readonly customerManagedEncryption?: Encryption | null
}

export interface Replication {
  readonly automatic?: Encrypted | undefined
  readonly userManaged?: { readonly replicas: readonly (Encrypted & { readonly location: string })[] } | undefined
}

/** One state of a secret: a change makes another. */
export interface Secret {
  readonly id: string
  readonly location: string | undefined
  readonly createTime: Micros
  readonly replication: Replication | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly aliases: Readonly<Record<string, string>>
  readonly topics: readonly Message[]
  readonly rotation: Message | undefined
  /** Of a regional secret. */
  readonly encryption: Encryption | undefined
  readonly expireTime: Micros | undefined
  /** Seconds. */
  readonly versionDestroyTtl: number | undefined
  readonly etag: string
  /** Oldest first, without gaps. */
  readonly versions: readonly Version[]
}

export interface Project {
  readonly id: string
  readonly number: string
}

/** What a resource's name says. */
export interface Name {
  readonly project: string
  readonly location: string | undefined
  readonly secret: string | undefined
  readonly version: string | undefined
}

const NAME = /^projects\/([^/]+)(?:\/locations\/([a-z0-9-]+))?(?:\/secrets\/([a-zA-Z0-9_-]{1,255})(?:\/versions\/([a-zA-Z0-9_-]{1,63}))?)?$/

/** @throws GoogleStatus INVALID_ARGUMENT unless it names exactly that kind of resource */
export function parseName(text: unknown, kind: 'parent' | 'secret' | 'version'): Name {
  const match = typeof text === 'string' ? NAME.exec(text) : null
  const [, project, location, secret, version] = match ?? []
  const wanted = kind === 'parent' ? 0 : kind === 'secret' ? 1 : 2
  const has = version !== undefined ? 2 : secret !== undefined ? 1 : 0
  if (project === undefined || has !== wanted) throw invalid(`Resource ID [${String(text)}] is not in a valid format.`)
  return { project, location, secret, version }
}

export function secretName(project: Project, { id, location }: { readonly id: string; readonly location: string | undefined }): string {
  return `projects/${project.number}${location === undefined ? '' : `/locations/${location}`}/secrets/${id}`
}

export function versionName(project: Project, secret: Secret, version: string | number): string {
  return `${secretName(project, secret)}/versions/${version}`
}

function timestampOf(micros: Micros): Timestamp {
  return { seconds: Math.floor(micros / 1_000_000), nanos: (micros % 1_000_000) * 1000 }
}

export function microsOf({ seconds, nanos }: Timestamp): Micros {
  return Number(seconds) * 1_000_000 + Math.floor(nanos / 1000)
}

export function secretMessage(project: Project, secret: Secret): Message {
  const { createTime, replication, labels, annotations, aliases, topics, rotation, encryption, expireTime, versionDestroyTtl, etag } = secret
  return {
    name: secretName(project, secret),
    createTime: timestampOf(createTime),
    ...(replication && { replication }),
    labels,
    annotations,
    versionAliases: aliases,
    topics,
    ...(rotation && { rotation }),
    ...(encryption && { customerManagedEncryption: encryption }),
    ...(expireTime !== undefined && { expireTime: timestampOf(expireTime) }),
    ...(versionDestroyTtl !== undefined && { versionDestroyTtl: { seconds: versionDestroyTtl, nanos: 0 } }),
    etag,
  }
}

export function versionMessage(project: Project, secret: Secret, version: Version): Message {
  const { createTime, state, destroyTime, scheduledDestroyTime, etag, clientChecksum } = version
  return {
    name: versionName(project, secret, version.number),
    createTime: timestampOf(createTime),
    state,
    ...(destroyTime !== undefined && { destroyTime: timestampOf(destroyTime) }),
    ...(scheduledDestroyTime !== undefined && { scheduledDestroyTime: timestampOf(scheduledDestroyTime) }),
    ...(secret.replication && { replicationStatus: replicationStatus(secret.replication) }),
    ...statusOf({ customerManagedEncryption: secret.encryption ?? null }),
    etag,
    clientSpecifiedPayloadChecksum: clientChecksum,
  }
}

function replicationStatus({ automatic = {}, userManaged }: Replication): Message {
  if (userManaged === undefined) return { automatic: statusOf(automatic) }
  return { userManaged: { replicas: userManaged.replicas.map(({ location, ...encrypted }) => ({ location, ...statusOf(encrypted) })) } }
}

/** A version is told with the version of the key, of which there is one. */
function statusOf({ customerManagedEncryption: encryption }: Encrypted): Message {
  return encryption ? { customerManagedEncryption: { kmsKeyVersionName: `${encryption.kmsKeyName}/versions/1` } } : {}
}
