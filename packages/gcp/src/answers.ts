import { isUtf8 } from 'node:buffer'
import { answerChecks, dateOf, finding, tokenOf } from '@strongroom/core/driver-support'
import type { AnswerChecks, DriverEntry, DriverVersion, Effect, Fields, NativePath, Payload } from '@strongroom/core/driver-support'
import crc from 'crc-32/crc32c.js'
import { CLAIM } from './options.ts'
import { idOf, isVersion } from './paths.ts'

export const answers: AnswerChecks = answerChecks('Google')

/** CRC-32C (Castagnoli), which Google keeps beside each value; `zlib.crc32` is another polynomial. */
export function crc32c(bytes: Uint8Array): number {
  return crc.buf(bytes) >>> 0
}

/** The number at the end of a version's name; the project in it is a number where the request had its id. @throws DriverFinding `corrupt` */
export function numberOf({ name }: Fields, path: string, effect: Effect): number {
  const end = typeof name === 'string' ? name.lastIndexOf('/') : -1
  const number = end === -1 ? '' : (name as string).slice(end + 1)
  if (!isVersion(number) || !(name as string).slice(0, end).endsWith(`/secrets/${path}/versions`)) throw answers.damaged(effect)
  return Number(number)
}

/**
 * The value, if its checksum is right. Google keeps bytes and does not know whether they are text: what is good UTF-8 is taken
 * for text. @throws DriverFinding `corrupt`
 */
export function payloadOf({ payload }: Fields): Payload {
  const { data, dataCrc32c } = (payload ?? {}) as Fields
  if (!(data instanceof Uint8Array)) throw answers.damaged()
  // A copy, since the SDK's bytes lie in a buffer with the rest of the answer.
  const bytes = new Uint8Array(data)
  if (dataCrc32c !== undefined && dataCrc32c !== null && Number(dataCrc32c) !== crc32c(bytes)) {
    throw finding('corrupt', { retryable: true, hint: 'the value does not match its checksum: it was damaged on the way' })
  }
  return { bytes, text: isUtf8(bytes) }
}

/** A version that Google will destroy at a later time is blocked until then, and counts as destroyed. */
export function versionOf(answer: Fields, path: string, current: number | undefined): DriverVersion {
  const number = numberOf(answer, path, 'none')
  const { state, createTime, scheduledDestroyTime } = answer
  return {
    version: idOf(number),
    createdAt: timeOf(createTime),
    state: state === 'ENABLED' ? 'usable' : state === 'DESTROYED' || timeOf(scheduledDestroyTime) !== undefined ? 'destroyed' : 'disabled',
    current: number === current,
    token: undefined,
  }
}

/** @throws DriverFinding `corrupt` for a secret without a name */
export function entryOf({ name, createTime, annotations }: Fields, parent: string, withLabels: boolean): DriverEntry {
  const [, path] = (typeof name === 'string' ? /\/secrets\/([^/]+)$/.exec(name) : null) ?? []
  if (path === undefined) throw answers.damaged()
  const { [CLAIM]: _, ...labels } = (annotations ?? {}) as Readonly<Record<string, string>>
  // By the project's id, as it was asked for: the answer has the number.
  const fullPath = `${parent}/secrets/${path}`
  return { path: path as NativePath, fullPath, createdAt: timeOf(createTime), updatedAt: undefined, labels: withLabels ? labels : undefined }
}

/** What the annotation of a create says: its token, and when it took over what another had begun. */
export function claimText(token: string, takenAt?: number): string {
  return takenAt === undefined ? token : `${token} ${takenAt}`
}

/** Whose create the secret is of, and since when; undefined for a secret that was made in another way. */
export function claimOf({ annotations, createTime }: Fields): { readonly token: string; readonly at: number } | undefined {
  const [token = '', takenAt] = tokenOf((annotations as Fields | null | undefined)?.[CLAIM])?.split(' ') ?? []
  const at = takenAt === undefined ? timeOf(createTime)?.getTime() : Number(takenAt)
  return token === '' || at === undefined || Number.isNaN(at) ? undefined : { token, at }
}

/** The number that the alias goes to. */
export function holderOf({ versionAliases }: Fields, alias: string): number | undefined {
  const number = Number((versionAliases as Fields | null | undefined)?.[alias])
  return Number.isSafeInteger(number) && number > 0 ? number : undefined
}

/** Without one nothing would be compared. @throws DriverFinding `corrupt` */
export function etagOf({ etag }: Fields): string {
  return answers.text(etag)
}

/** Google's seconds and nanoseconds. */
function timeOf(value: unknown): Date | undefined {
  const { seconds, nanos = 0 } = (value ?? {}) as Fields
  return dateOf(Number(seconds ?? Number.NaN) * 1000 + Number(nanos) / 1_000_000)
}
