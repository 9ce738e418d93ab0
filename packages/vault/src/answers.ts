import { answerChecks, base64Of, dateOf, payloadOfBase64, payloadOfText, textOf } from '@strongroom/core/driver-support'
import type { AnswerChecks, DriverVersion, Effect, Fields, Payload, VersionId } from '@strongroom/core/driver-support'

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

export const answers: AnswerChecks = answerChecks('Vault')

/** The `data` of an answer. @throws DriverFinding `corrupt` */
export function dataOf(answer: unknown, effect?: Effect): Fields {
  return answers.object(answers.object(answer, effect)['data'], effect)
}

/** @throws DriverFinding `corrupt` unless it is a whole number from 1 */
export function versionOf(value: unknown, effect?: Effect): VersionId {
  if (!isCount(value) || value < 1) throw answers.damaged(effect)
  return String(value) as VersionId
}

/** The names in an answer to LIST. @throws DriverFinding `corrupt` */
export function namesOf(answer: unknown): readonly string[] {
  const { data, warnings } = answers.object(answer)
  const { keys } = (data ?? {}) as Fields
  // An empty folder is a 404, except where Vault has something to say, such as that it does not know `limit`.
  if ((keys ?? null) === null && Array.isArray(warnings) && warnings.length > 0) return []
  if (!Array.isArray(keys) || !keys.every(key => typeof key === 'string')) throw answers.damaged()
  return keys
}

/** The fields that a value is kept in. */
export function fieldsFor(payload: Payload): Record<string, string> {
  return payload.text ? { value: textOf(payload) } : { value: base64Of(payload), encoding: 'base64' }
}

/** What others have written, in any other fields than ours, is its JSON. @throws DriverFinding `corrupt` */
export function payloadOf(stored: unknown): Payload {
  const fields = answers.object(stored)
  const { value, encoding, ...others } = fields
  const isOurs = typeof value === 'string' && Object.keys(others).length === 0
  if (isOurs && !('encoding' in fields)) return payloadOfText(value)
  if (!isOurs || encoding !== 'base64') return payloadOfText(JSON.stringify(fields))
  const payload = payloadOfBase64(value)
  if (payload === undefined) throw answers.damaged()
  return payload
}

/** @throws DriverFinding `corrupt` */
export function metadataOf(answer: unknown): Metadata {
  const data = dataOf(answer)
  const { current_version: newest, max_versions: maxVersions } = data
  if (!isCount(newest) || !isCount(maxVersions)) throw answers.damaged()
  const versions = Object.entries(answers.object(data['versions']))
    .map(([number, fields]) => driverVersion(Number(number), answers.object(fields), newest))
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

/** A deletion can be taken back until the version is destroyed; one with a date to come has not happened yet. */
function driverVersion(number: number, fields: Fields, newest: number): DriverVersion {
  const deletedAt = dateOf(fields['deletion_time'])
  const deleted = deletedAt !== undefined && deletedAt.getTime() <= Date.now()
  const state = fields['destroyed'] === true ? 'destroyed' : deleted ? 'disabled' : 'usable'
  const createdAt = dateOf(fields['created_time'])
  return { version: versionOf(number), createdAt, state, current: state === 'usable' && number === newest, token: undefined }
}

function labelsOf(value: unknown): Readonly<Record<string, string>> {
  if (value === null || value === undefined) return {}
  const labels = answers.object(value)
  if (!Object.values(labels).every(label => typeof label === 'string')) throw answers.damaged()
  return { ...(labels as Record<string, string>) }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
