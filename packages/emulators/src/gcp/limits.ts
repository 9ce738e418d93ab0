import { invalid } from './status.ts'
import { microsOf, type Encryption, type Micros, type Replication, type Timestamp } from './resources.ts'

/** A secret as a request has it: fields that were not set are empty or null. */
export interface SecretInput {
  readonly name: string
  readonly replication: { readonly automatic?: Replication['automatic'] | null; readonly userManaged?: Replication['userManaged'] | null } | null
  readonly customerManagedEncryption: Encryption | null
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly versionAliases: Readonly<Record<string, string>>
  readonly topics: readonly { readonly name: string }[]
  readonly rotation: { readonly nextRotationTime: Timestamp | null; readonly rotationPeriod: Timestamp | null } | null
  readonly expireTime?: Timestamp | null
  readonly ttl?: Timestamp | null
  readonly versionDestroyTtl: Timestamp | null
  readonly etag: string
}

const MAX_PAYLOAD = 65_536
const MAX_ANNOTATIONS = 16_384
const SECONDS_OF_100_YEARS = 3_153_600_000
const LABEL_KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u
const LABEL_VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u
const ANNOTATION_KEY = /^[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/
const ALIAS = /^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/
const KEY = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/
const TOPIC = /^projects\/[^/]+\/topics\/[^/]+$/

// The numbers are those of resources.proto, service.proto and the quotas page; the wording of most messages is ours.

export function checkSecretId(id: string): void {
  if (id === '') throw invalid('Field [secret_id] is required.')
  if (!/^[a-zA-Z0-9_-]{1,255}$/.test(id)) throw invalid('Secret ID must match the pattern [a-zA-Z0-9_-]{1,255}.')
}

export function checkPayload(data: Buffer): void {
  if (data.byteLength === 0) throw invalid('Secret Payload cannot be empty.')
  if (data.byteLength > MAX_PAYLOAD) throw invalid(`The size of the Secret Payload exceeds the limit of ${MAX_PAYLOAD} bytes.`)
}

export function checkLabels(labels: SecretInput['labels']): void {
  const entries = Object.entries(labels)
  if (entries.length > 64) throw invalid('No more than 64 labels can be assigned to a Secret.')
  for (const [key, value] of entries) {
    if (!LABEL_KEY.test(key) || utf8(key) > 128) throw invalid('A label key is not in a valid format.')
    if (!LABEL_VALUE.test(value) || utf8(value) > 128) throw invalid('A label value is not in a valid format.')
  }
}

export function checkAnnotations(annotations: SecretInput['annotations']): void {
  const entries = Object.entries(annotations)
  if (entries.some(([key]) => !ANNOTATION_KEY.test(key))) throw invalid('An annotation key is not in a valid format.')
  const size = entries.reduce((sum, [key, value]) => sum + utf8(key) + utf8(value), 0)
  if (size >= MAX_ANNOTATIONS) throw invalid('The total size of annotations must be less than 16KiB.')
}

/** Aliases go to versions that exist. */
export function checkAliases(aliases: SecretInput['versionAliases'], versions: number): void {
  const entries = Object.entries(aliases)
  if (entries.length > 50) throw invalid('No more than 50 version aliases can be assigned to a Secret.')
  for (const [alias, version] of entries) {
    if (!ALIAS.test(alias) || alias === 'latest' || alias === 'NEW') throw invalid(`Version alias [${alias}] is not in a valid format.`)
    if (!(Number(version) >= 1 && Number(version) <= versions)) throw invalid(`Version alias [${alias}] refers to a version that does not exist.`)
  }
}

export function checkRotation({ rotation, topics }: Pick<SecretInput, 'rotation' | 'topics'>, now: Micros): void {
  if (topics.length > 10) throw invalid('No more than 10 topics can be configured on a Secret.')
  if (topics.some(({ name }) => !TOPIC.test(name))) throw invalid('A topic name is not in a valid format.')
  if (rotation === null) return
  const { nextRotationTime: next, rotationPeriod: period } = rotation
  if (topics.length === 0) throw invalid('Secret.topics must be set to configure rotation.')
  if (period !== null && next === null) throw invalid('next_rotation_time must be set if rotation_period is set.')
  if (period !== null && !isBetween(Number(period.seconds), 3600, SECONDS_OF_100_YEARS))
    throw invalid('rotation_period must be between 1 hour and 100 years.')
  if (next !== null && !isBetween(Number(next.seconds) - now / 1_000_000, 300, SECONDS_OF_100_YEARS))
    throw invalid('next_rotation_time must be between 5 minutes and 100 years in the future.')
}

/** A regional secret has no policy and perhaps a key, any other has exactly one policy, with the keys in it. */
export function checkReplication({ replication, customerManagedEncryption }: SecretInput, location: string | undefined): void {
  const { automatic, userManaged } = replication ?? {}
  checkEncryption(customerManagedEncryption, location)
  if (location !== undefined) {
    if (automatic || userManaged) throw invalid('Secret.replication should not be provided.')
    return
  }
  if (!automatic && !userManaged) throw invalid('Secret.replication must be provided.')
  checkKey(automatic?.customerManagedEncryption)
  if (!userManaged) return
  if (userManaged.replicas.length === 0 || userManaged.replicas.some(replica => replica.location === ''))
    throw invalid('Secret.replication.user_managed.replicas must be provided.')
  for (const replica of userManaged.replicas) checkKey(replica.customerManagedEncryption)
}

export function checkEncryption(encryption: Encryption | null, location: string | undefined): void {
  if (encryption !== null && location === undefined) throw invalid('Secret.customer_managed_encryption is for regional Secrets.')
  checkKey(encryption)
}

function checkKey(encryption: Encryption | null | undefined): void {
  if (encryption && !KEY.test(encryption.kmsKeyName)) throw invalid('The name of a KMS key is not in a valid format.')
}

/** When the secret ends: undefined, never. */
export function expiryOf({ expireTime, ttl }: Pick<SecretInput, 'expireTime' | 'ttl'>, now: Micros): Micros | undefined {
  const time = ttl ? now + microsOf(ttl) : expireTime ? microsOf(expireTime) : undefined
  if (time !== undefined && !(time > now && time - now <= SECONDS_OF_100_YEARS * 1_000_000))
    throw invalid('The expiration of a Secret must be in the future, and within 100 years.')
  return time
}

/** Seconds; undefined where versions are destroyed at once. The bounds are those of the page on delayed destruction. */
export function destroyTtlOf({ versionDestroyTtl }: Pick<SecretInput, 'versionDestroyTtl'>): number | undefined {
  const seconds = Number(versionDestroyTtl?.seconds ?? 0)
  if (seconds === 0) return undefined
  if (!isBetween(seconds, 86_400, 86_400_000)) throw invalid('version_destroy_ttl must be between 1 and 1000 days.')
  return seconds
}

function isBetween(value: number, least: number, most: number): boolean {
  return value >= least && value <= most
}

function utf8(text: string): number {
  return Buffer.byteLength(text)
}
