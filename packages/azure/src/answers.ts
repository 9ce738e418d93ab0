import { answerChecks, base64Of, dateOf, payloadOfBase64, payloadOfText, textOf, tokenOf } from '@strongroom/core/driver-support'
import type { AnswerChecks, DriverEntry, DriverVersion, Effect, NativePath, Payload, VersionId } from '@strongroom/core/driver-support'
import type { DeletedSecret, KeyVaultSecret, SecretProperties } from '@azure/keyvault-secrets'
import { fullPathOf, isVersion, sameName } from './paths.ts'

type Tags = Readonly<Record<string, string>>
export type JsonVersion = Omit<DriverVersion, 'createdAt' | 'token'> & {
  readonly createdAt?: Date | string | undefined
  readonly token?: string | undefined
}

/** The tag of a version that has the token; no label of core's can have a colon. */
export const TOKEN_TAG = 'strongroom:token'
/** The content type of a version whose value is base64. Text has none. */
const BINARY = 'application/octet-stream;base64'

const answers = answerChecks('Azure')
export const damaged: AnswerChecks['damaged'] = answers.damaged
export const textIn: AnswerChecks['text'] = answers.text

/** The version of an answer that must be of this secret. @throws DriverFinding `corrupt` */
export function versionIn({ properties }: Pick<KeyVaultSecret, 'properties'>, path: string, effect: Effect): VersionId {
  const { name, version } = properties
  if (typeof name !== 'string' || !sameName(name, path) || !isVersion(version)) throw damaged(effect)
  return version as VersionId
}

export function valueOf(payload: Payload): { readonly value: string; readonly contentType?: string } {
  return payload.text ? { value: textOf(payload) } : { value: base64Of(payload), contentType: BINARY }
}

/** Binary where the content type says so; everything else, other people's secrets too, is text. @throws DriverFinding `corrupt` */
export function payloadOf({ value, properties }: KeyVaultSecret): Payload {
  if (typeof value !== 'string' || !value.isWellFormed()) throw damaged()
  const payload = properties.contentType === BINARY ? payloadOfBase64(value) : payloadOfText(value)
  if (payload === undefined) throw damaged()
  return payload
}

/** Which one is current is not told by its properties. @throws DriverFinding `corrupt` */
export function versionOf(properties: SecretProperties, path: string): DriverVersion {
  return {
    version: versionIn({ properties }, path, 'none'),
    createdAt: dateOf(properties.createdOn),
    // A version that has expired, or is not yet valid, is read all the same: Azure only informs of it.
    state: properties.enabled === false ? 'disabled' : 'usable',
    current: false,
    token: writerOf(properties),
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

function timeOf({ createdAt }: DriverVersion): number {
  return createdAt?.getTime() ?? 0
}

export function newestOf(items: readonly SecretProperties[]): SecretProperties | undefined {
  return items.toSorted((one, other) => (other.createdOn?.getTime() ?? 0) - (one.createdOn?.getTime() ?? 0))[0]
}

/** Versions that went through JSON. */
export function revived(versions: readonly JsonVersion[]): readonly DriverVersion[] {
  return versions.map(({ token, createdAt, ...rest }) => ({ ...rest, token, createdAt: dateOf(createdAt) }))
}

/** The dates of a line are those of its newest version, so that nothing tells when the secret was made. */
export function entryOf(
  { name, updatedOn, tags }: SecretProperties,
  { vaultUrl, prefix, withLabels }: { readonly vaultUrl: string; readonly prefix: string; readonly withLabels: boolean },
): DriverEntry {
  // As the caller asks for it, so that a name of another case is found where it was looked for.
  const path = `${prefix}${name.slice(prefix.length)}` as NativePath
  const labels = withLabels ? labelsOf(tags) : undefined
  return { path, fullPath: fullPathOf(vaultUrl, path), createdAt: undefined, updatedAt: dateOf(updatedOn), labels }
}

/** The token of the call that wrote a version. */
export function writerOf({ tags }: SecretProperties): string | undefined {
  return tokenOf(tags?.[TOKEN_TAG])
}

export function labelsOf(tags: Tags | null | undefined): Tags {
  const { [TOKEN_TAG]: _, ...labels } = tags ?? {}
  return labels
}

/** Whether a deleted secret can be purged before its time. A level that is not told says nothing against it. */
export function isPurgeable({ properties: { recoveryLevel } }: Pick<DeletedSecret, 'properties'>): boolean {
  return typeof recoveryLevel !== 'string' || recoveryLevel.includes('Purgeable')
}
