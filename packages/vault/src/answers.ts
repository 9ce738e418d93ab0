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

/** Whether the call that is answered may have written. */
type Effect = Failure['effect']
type Fields = Readonly<Record<string, unknown>>

/** What a key's metadata says, values apart. */
export interface Metadata {
  /** The newest version, 0 when there is none. */
  readonly newest: number
  /** 0: the mount's. */
  readonly maxVersions: number
  /** Oldest first. */
  readonly versions: readonly DriverVersion[]
  /** The oldest that is not destroyed. */
  readonly oldestKept: number | undefined
  readonly createdAt: Date | undefined
  readonly updatedAt: Date | undefined
  readonly labels: Readonly<Record<string, string>>
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** The `data` of an answer. @throws DriverFinding `corrupt` */
export function dataOf(answer: unknown, effect: Effect): Fields {
  return fieldsOf(fieldsOf(answer, effect)['data'], effect)
}

/** @throws DriverFinding `corrupt` unless it is a whole number from 1 */
export function versionOf(value: unknown, effect: Effect): VersionId {
  if (!isCount(value) || value < 1) throw damaged(effect)
  return String(value) as VersionId
}

/** The names in an answer to LIST. @throws DriverFinding `corrupt` */
export function namesOf(answer: unknown): readonly string[] {
  const { data, warnings } = fieldsOf(answer, 'none')
  const { keys } = (data ?? {}) as Fields
  // An empty folder is a 404, except where Vault has something to say, such as that it does not know `limit`.
  if ((keys ?? null) === null && Array.isArray(warnings) && warnings.length > 0) return []
  if (!Array.isArray(keys) || !keys.every(key => typeof key === 'string')) throw damaged('none')
  return keys
}

/** The fields that a value is kept in. */
export function fieldsFor({ bytes, text }: Payload): Record<string, string> {
  return text ? { value: decoder.decode(bytes) } : { value: Buffer.from(bytes).toString('base64'), encoding: 'base64' }
}

/** What others have written, in any other fields than ours, is its JSON. @throws DriverFinding `corrupt` */
export function payloadOf(stored: unknown): Payload {
  const fields = fieldsOf(stored, 'none')
  const { value, encoding, ...others } = fields
  const isOurs = typeof value === 'string' && Object.keys(others).length === 0
  if (isOurs && !('encoding' in fields)) return { bytes: encoder.encode(value), text: true }
  if (!isOurs || encoding !== 'base64') return { bytes: encoder.encode(JSON.stringify(fields)), text: true }
  if (!BASE64.test(value)) throw damaged('none')
  // A copy, since a small Buffer lies in one that Node shares between many.
  return { bytes: Uint8Array.from(Buffer.from(value, 'base64')), text: false }
}

/** @throws DriverFinding `corrupt` */
export function metadataOf(answer: unknown): Metadata {
  const data = dataOf(answer, 'none')
  const { current_version: newest, max_versions: maxVersions } = data
  if (!isCount(newest) || !isCount(maxVersions)) throw damaged('none')
  const versions = Object.entries(fieldsOf(data['versions'], 'none'))
    .map(([number, fields]) => driverVersion(Number(number), fieldsOf(fields, 'none'), newest))
    .toSorted((a, b) => Number(a.version) - Number(b.version))
  const oldest = versions.find(({ state }) => state !== 'destroyed')
  return {
    newest,
    maxVersions,
    versions,
    oldestKept: oldest === undefined ? undefined : Number(oldest.version),
    createdAt: dateOf(data['created_time']),
    updatedAt: dateOf(data['updated_time']),
    labels: labelsOf(data['custom_metadata']),
  }
}

export function entryOf(path: NativePath, fullPath: string, { createdAt, updatedAt, labels }: Metadata): DriverEntry {
  return { path, fullPath, createdAt, updatedAt, labels }
}

export function damaged(effect: Effect): DriverFinding {
  return new DriverFinding(refused('corrupt', { effect, hint: 'the answer of Vault is incomplete' }))
}

/** A deletion can be taken back until the version is destroyed; one with a date to come has not happened yet. */
function driverVersion(number: number, fields: Fields, newest: number): DriverVersion {
  const deletedAt = dateOf(fields['deletion_time'])
  const deleted = deletedAt !== undefined && deletedAt.getTime() <= Date.now()
  const state = fields['destroyed'] === true ? 'destroyed' : deleted ? 'disabled' : 'usable'
  const createdAt = dateOf(fields['created_time'])
  return { version: versionOf(number, 'none'), createdAt, state, current: state === 'usable' && number === newest, token: undefined }
}

function labelsOf(value: unknown): Readonly<Record<string, string>> {
  if (value === null || value === undefined) return {}
  const labels = fieldsOf(value, 'none')
  if (!Object.values(labels).every(label => typeof label === 'string')) throw damaged('none')
  return { ...(labels as Record<string, string>) }
}

function fieldsOf(value: unknown, effect: Effect): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damaged(effect)
  return value as Fields
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function dateOf(value: unknown): Date | undefined {
  const date = new Date(typeof value === 'string' && value !== '' ? value : Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : date
}
