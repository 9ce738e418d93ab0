import {
  DriverFinding,
  refused,
  type DriverEntry,
  type DriverVersion,
  type Failure,
  type NativePath,
  type Payload,
  type VersionId,
} from '@strongroom/core'
import type { DeletedSecret, KeyVaultSecret, SecretProperties } from '@azure/keyvault-secrets'

type Effect = Failure['effect']
type Tags = Readonly<Record<string, string>>
export type JsonVersion = Omit<DriverVersion, 'createdAt' | 'token'> & { readonly createdAt?: string; readonly token?: string }

/** The tag of a version that has the token; no label of core's can have a colon. */
export const TOKEN_TAG = 'strongroom:token'
/** The content type of a version whose value is base64. Text has none. */
const BINARY = 'application/octet-stream;base64'

const encoder = new TextEncoder()
const NAME = /^[0-9a-zA-Z-]{1,127}$/
const PREFIX = /^[0-9a-zA-Z-]{0,127}$/
const VERSION = /^[0-9a-f]{32}$/i
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** A name becomes a part of a URL, so that one that no vault takes is not sent. @throws DriverFinding `invalid_argument` */
export function checkName(path: string): void {
  if (!NAME.test(path))
    throw new DriverFinding(refused('invalid_argument', { hint: 'a name in a Key Vault is 1 to 127 of 0-9 a-z A-Z -, prefix included' }))
}

/** As for names; without a version the SDK would ask for the newest. @throws DriverFinding `not_found` */
export function checkVersion(version: string): void {
  if (!VERSION.test(version)) throw new DriverFinding(refused('not_found'))
}

export function isPrefix(prefix: string): boolean {
  return PREFIX.test(prefix)
}

/** One name to Azure, and so to this driver, whatever the case of its letters. */
export function sameName(one: string, other: string): boolean {
  return one === other || one.toLowerCase() === other.toLowerCase()
}

/** The version of an answer that must be of this secret. @throws DriverFinding `corrupt` */
export function versionIn({ properties }: Pick<KeyVaultSecret, 'properties'>, path: string, effect: Effect): VersionId {
  const { name, version } = properties
  if (typeof name !== 'string' || !sameName(name, path) || typeof version !== 'string' || !VERSION.test(version)) throw damaged(effect)
  return version as VersionId
}

export function valueOf({ bytes, text }: Payload): { readonly value: string; readonly contentType?: string } {
  if (text) return { value: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
  return { value: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'), contentType: BINARY }
}

/** Binary where the content type says so; everything else, other people's secrets too, is text. @throws DriverFinding `corrupt` */
export function payloadOf({ value, properties }: KeyVaultSecret): Payload {
  if (typeof value !== 'string' || !value.isWellFormed()) throw damaged('none')
  if (properties.contentType !== BINARY) return { bytes: encoder.encode(value), text: true }
  if (!BASE64.test(value)) throw damaged('none')
  return { bytes: new Uint8Array(Buffer.from(value, 'base64')), text: false }
}

/** Which one is current is not told by its properties. @throws DriverFinding `corrupt` */
export function versionOf(properties: SecretProperties, path: string): DriverVersion {
  return {
    version: versionIn({ properties }, path, 'none'),
    createdAt: dateOf(properties.createdOn),
    // A version that has expired, or is not yet valid, is read all the same: Azure only informs of it.
    state: properties.enabled === false ? 'disabled' : 'usable',
    current: false,
    token: tokenOf(properties),
  }
}

/** The versions of the newest second, and the older ones: Azure counts in seconds, and lists in the order of the ids, which are random. */
export function splitNewest(versions: readonly DriverVersion[]): {
  readonly older: readonly DriverVersion[]
  readonly newest: readonly DriverVersion[]
} {
  const newestAt = versions.reduce((at, version) => Math.max(at, timeOf(version)), Number.NEGATIVE_INFINITY)
  const { older = [], newest = [] } = Object.groupBy(versions, version => (timeOf(version) === newestAt ? 'newest' : 'older'))
  return { older, newest }
}

export function newestOf(items: readonly SecretProperties[]): SecretProperties | undefined {
  return items.toSorted((one, other) => (other.createdOn?.getTime() ?? 0) - (one.createdOn?.getTime() ?? 0))[0]
}

/** Versions that went through JSON. */
export function revived(versions: readonly JsonVersion[]): readonly DriverVersion[] {
  return versions.map(({ token, createdAt, ...rest }) => ({ ...rest, token, createdAt: createdAt === undefined ? undefined : new Date(createdAt) }))
}

/** What a client outside this library reads it by. */
export function fullPathOf(vaultUrl: string, path: NativePath): string {
  return `${vaultUrl}/secrets/${path}`
}

/** The dates of a line are those of its newest version, so that nothing tells when the secret was made. */
export function entryOf(
  { name, updatedOn, tags }: SecretProperties,
  { vaultUrl, prefix, withLabels }: { readonly vaultUrl: string; readonly prefix: string; readonly withLabels: boolean },
): DriverEntry {
  // As the caller asks for it, so that a name of another case is found where it was looked for.
  const path = `${prefix}${name.slice(prefix.length)}` as NativePath
  return {
    path,
    fullPath: fullPathOf(vaultUrl, path),
    createdAt: undefined,
    updatedAt: dateOf(updatedOn),
    labels: withLabels ? labelsOf(tags) : undefined,
  }
}

export function tokenOf({ tags }: SecretProperties): string | undefined {
  const token: unknown = tags?.[TOKEN_TAG]
  return typeof token === 'string' ? token : undefined
}

export function labelsOf(tags: Tags | null | undefined): Tags {
  const { [TOKEN_TAG]: _, ...labels } = tags ?? {}
  return labels
}

/** Whether a deleted secret can be purged before its time. A level that is not told says nothing against it. */
export function isPurgeable({ properties: { recoveryLevel } }: Pick<DeletedSecret, 'properties'>): boolean {
  return typeof recoveryLevel !== 'string' || recoveryLevel.includes('Purgeable')
}

function timeOf({ createdAt }: DriverVersion): number {
  return createdAt?.getTime() ?? 0
}

export function dateOf(value: unknown): Date | undefined {
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value : undefined
}

export function damaged(effect: Effect): DriverFinding {
  return new DriverFinding(refused('corrupt', { effect, hint: 'the answer of Azure is incomplete' }))
}
