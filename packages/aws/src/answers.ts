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
import type { SecretListEntry, SecretVersionsListEntry } from '@aws-sdk/client-secrets-manager'

/** Whether the call that is answered may have written. */
type Effect = Failure['effect']

export const CURRENT = 'AWSCURRENT'
const encoder = new TextEncoder()

/** @throws DriverFinding `corrupt` unless it is text that is not empty */
export function textOf(value: unknown, effect: Effect): string {
  if (typeof value !== 'string' || value === '') throw damaged(effect)
  return value
}

export function dateOf(value: unknown): Date | undefined {
  return value instanceof Date ? value : undefined
}

/** An empty page token ends the list, as an absent one does. */
export function tokenOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** @throws DriverFinding `corrupt` unless it is a list of objects; an absent list is an empty one */
export function listOf<Item extends object>(value: readonly Item[] | undefined): readonly Item[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || value.some(item => typeof item !== 'object' || item === null)) throw damaged('none')
  return value
}

/** Exactly one of the two forms. @throws DriverFinding `corrupt` */
export function payloadOf(answer: { readonly SecretString?: unknown; readonly SecretBinary?: unknown }): Payload {
  const { SecretString: text, SecretBinary: binary } = answer
  if (typeof text === 'string' && binary === undefined) return { bytes: encoder.encode(text), text: true }
  // A copy, since the SDK's bytes lie in a buffer that Node shares between many.
  if (binary instanceof Uint8Array && text === undefined) return { bytes: new Uint8Array(binary), text: false }
  throw damaged('none')
}

/**
 * A version without labels is `destroyed`. Nothing tells what `destroyVersion` left from a pending version whose label a later
 * put took away. To call the second one destroyed is safe: recovery undoes an update that nobody was told of, and a writer
 * that still has the value appends again with the same token, which AWS answers with the same version. To call the first one
 * usable is not: recovery could move a pointer onto what the queue has given up.
 */
export function versionOf(entry: SecretVersionsListEntry): DriverVersion {
  const version = textOf(entry.VersionId, 'none')
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
  const tags = listOf(entry.Tags).map(({ Key, Value = '' }) => [textOf(Key, 'none'), Value])
  return {
    path: textOf(entry.Name, 'none') as NativePath,
    fullPath: textOf(entry.ARN, 'none'),
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
  throw new DriverFinding(refused('misconfigured', { effect, hint: 'the credentials are of another AWS account than accountId names' }))
}

export function damaged(effect: Effect): DriverFinding {
  return new DriverFinding(refused('corrupt', { effect, hint: 'the answer of AWS is incomplete' }))
}
