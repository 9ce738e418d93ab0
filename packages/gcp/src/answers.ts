import { isUtf8 } from 'node:buffer'
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
import { crc32c } from './crc32c.ts'
import { CLAIM } from './options.ts'

/** Whether the call that is answered may have written. */
type Effect = Failure['effect']

/** What is looked at of Google's messages; nothing in them is sure to be there. */
export interface Answer {
  readonly name?: unknown
  readonly etag?: unknown
  readonly state?: unknown
  readonly createTime?: unknown
  readonly scheduledDestroyTime?: unknown
  readonly annotations?: unknown
  readonly versionAliases?: unknown
  readonly payload?: unknown
  readonly secrets?: unknown
  readonly versions?: unknown
  readonly nextPageToken?: unknown
}

const NUMBER = /^[1-9]\d{0,14}$/

/** A version's id is its number, from 1. `latest` and aliases are none: they move. */
export function isVersion(id: string): boolean {
  return NUMBER.test(id)
}

/** @throws DriverFinding `corrupt` unless it is an object */
export function answerOf(value: unknown, effect: Effect): Answer {
  if (typeof value !== 'object' || value === null) throw damaged(effect)
  return value
}

/** An empty page token ends the list, as an absent one does. */
export function tokenOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** @throws DriverFinding `corrupt` unless it is a list of objects; an absent list is an empty one */
export function listOf(value: unknown): readonly Answer[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || value.some(item => typeof item !== 'object' || item === null)) throw damaged('none')
  return value as readonly Answer[]
}

/** The number at the end of a version's name; the project in it is a number where the request had its id. @throws DriverFinding `corrupt` */
export function numberOf({ name }: Answer, path: string, effect: Effect): number {
  const end = typeof name === 'string' ? name.lastIndexOf('/') : -1
  const number = end === -1 ? '' : (name as string).slice(end + 1)
  if (!isVersion(number) || !(name as string).slice(0, end).endsWith(`/secrets/${path}/versions`)) throw damaged(effect)
  return Number(number)
}

/**
 * The value, if its checksum is right. Google keeps bytes and does not know whether they are text: what is good UTF-8 is taken
 * for text. @throws DriverFinding `corrupt`
 */
export function payloadOf({ payload }: Answer): Payload {
  const { data, dataCrc32c } = (payload ?? {}) as { readonly data?: unknown; readonly dataCrc32c?: unknown }
  if (!(data instanceof Uint8Array)) throw damaged('none')
  // A copy, since the SDK's bytes lie in a buffer with the rest of the answer.
  const bytes = new Uint8Array(data)
  if (dataCrc32c !== undefined && dataCrc32c !== null && Number(dataCrc32c) !== crc32c(bytes)) {
    throw new DriverFinding(refused('corrupt', { retryable: true, hint: 'the value does not match its checksum: it was damaged on the way' }))
  }
  return { bytes, text: isUtf8(bytes) }
}

/** A version that Google will destroy at a later time is blocked until then, and counts as destroyed. */
export function versionOf(answer: Answer, path: string, current: number | undefined): DriverVersion {
  const number = numberOf(answer, path, 'none')
  const { state, createTime, scheduledDestroyTime } = answer
  return {
    version: String(number) as VersionId,
    createdAt: dateOf(createTime),
    state: state === 'ENABLED' ? 'usable' : state === 'DESTROYED' || dateOf(scheduledDestroyTime) !== undefined ? 'destroyed' : 'disabled',
    current: number === current,
    token: undefined,
  }
}

/** @throws DriverFinding `corrupt` for a secret without a name */
export function entryOf({ name, createTime, annotations }: Answer, parent: string, withLabels: boolean): DriverEntry {
  const [, path] = (typeof name === 'string' ? /\/secrets\/([^/]+)$/.exec(name) : null) ?? []
  if (path === undefined) throw damaged('none')
  const { [CLAIM]: _, ...labels } = (annotations ?? {}) as Readonly<Record<string, string>>
  // By the project's id, as it was asked for: the answer has the number.
  const fullPath = `${parent}/secrets/${path}`
  return { path: path as NativePath, fullPath, createdAt: dateOf(createTime), updatedAt: undefined, labels: withLabels ? labels : undefined }
}

/** What the annotation of a create says: its token, and when it took over what another had begun. */
export function claimText(token: string, takenAt?: number): string {
  return takenAt === undefined ? token : `${token} ${takenAt}`
}

/** Whose create the secret is of, and since when; undefined for a secret that was made in another way. */
export function claimOf({ annotations, createTime }: Answer): { readonly token: string; readonly at: number } | undefined {
  const [token = '', takenAt] = tokenOf((annotations as Readonly<Record<string, unknown>> | null | undefined)?.[CLAIM])?.split(' ') ?? []
  const at = takenAt === undefined ? dateOf(createTime)?.getTime() : Number(takenAt)
  return token === '' || at === undefined || Number.isNaN(at) ? undefined : { token, at }
}

/** The number that the alias goes to. */
export function holderOf({ versionAliases }: Answer, alias: string): number | undefined {
  const number = Number((versionAliases as Readonly<Record<string, unknown>> | null | undefined)?.[alias])
  return Number.isSafeInteger(number) && number > 0 ? number : undefined
}

/** Google's seconds and nanoseconds. */
function dateOf(value: unknown): Date | undefined {
  const { seconds, nanos = 0 } = (value ?? {}) as { readonly seconds?: unknown; readonly nanos?: unknown }
  const date = new Date(Number(seconds ?? Number.NaN) * 1000 + Number(nanos) / 1_000_000)
  return Number.isNaN(date.getTime()) ? undefined : date
}

export function damaged(effect: Effect): DriverFinding {
  return new DriverFinding(refused('corrupt', { effect, hint: 'the answer of Google is incomplete' }))
}
