import {
  answerChecks,
  dateOf,
  finding,
  payloadOfText,
  type AnswerChecks,
  type DriverEntry,
  type DriverVersion,
  type Effect,
  type NativePath,
  type Payload,
  type VersionId,
} from '@strongroom/core/driver-support'
import type { SecretListEntry, SecretVersionsListEntry } from '@aws-sdk/client-secrets-manager'

export const CURRENT = 'AWSCURRENT'
export const answers: AnswerChecks = answerChecks('AWS')

/** Exactly one of the two forms. @throws DriverFinding `corrupt` */
export function payloadOf(answer: { readonly SecretString?: unknown; readonly SecretBinary?: unknown }): Payload {
  const { SecretString: text, SecretBinary: binary } = answer
  if (typeof text === 'string' && binary === undefined) return payloadOfText(text)
  // A copy, since the SDK's bytes lie in a buffer that Node shares between many.
  if (binary instanceof Uint8Array && text === undefined) return { bytes: new Uint8Array(binary), text: false }
  throw answers.damaged()
}

/**
 * A version without labels is `destroyed`. Nothing tells what `destroyVersion` left from a pending version whose label a later
 * put took away. To call the second one destroyed is safe: recovery undoes an update that nobody was told of, and a writer
 * that still has the value appends again with the same token, which AWS answers with the same version. To call the first one
 * usable is not: recovery could move a pointer onto what the queue has given up.
 */
export function versionOf(entry: SecretVersionsListEntry): DriverVersion {
  const version = answers.text(entry.VersionId)
  const labels = entry.VersionStages ?? []
  return {
    version: version as VersionId,
    createdAt: dateOf(entry.CreatedDate),
    state: labels.length === 0 ? 'destroyed' : 'usable',
    current: labels.includes(CURRENT),
    token: version,
  }
}

export function entryOf(entry: SecretListEntry, withLabels: boolean): DriverEntry {
  const tags = answers.list(entry.Tags).map(({ Key, Value = '' }) => [answers.text(Key), Value])
  return {
    path: answers.text(entry.Name) as NativePath,
    fullPath: answers.text(entry.ARN),
    createdAt: dateOf(entry.CreatedDate),
    updatedAt: dateOf(entry.LastChangedDate),
    labels: withLabels ? Object.fromEntries(tags) : undefined,
  }
}

/** @throws DriverFinding `misconfigured` when the ARN is of another account than the one that the options name */
export function checkAccount(arn: unknown, accountId: string | undefined, effect: Effect): void {
  if (accountId === undefined || typeof arn !== 'string' || !arn.startsWith('arn:')) return
  // No other part of an ARN is of twelve digits between colons: names have none, and regions have letters.
  if (arn.includes(`:${accountId}:`)) return
  throw finding('misconfigured', { effect, hint: 'the credentials are of another AWS account than accountId names' })
}
