import { SecretError } from '../errors.ts'
import type { MetadataStore } from '../metadata.ts'
import type { QueueDraft } from '../work.ts'
import type { IfRevision } from '../words.ts'

/** For authors of metadata stores: what a method is given, by its name. */
export type RequestOf<Method extends Exclude<keyof MetadataStore, 'specification' | 'kind' | 'close'>> = Parameters<MetadataStore[Method]>[0]

/** For authors of metadata stores. @throws SecretError `invalid_argument` unless it is a whole number of at least that size */
export function requireWhole(operation: string, name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) throw SecretError.invalid(operation, `${name} is a whole number of at least ${least}`)
}

/** For authors of metadata stores: checks the times of drafts, so that a bad one is refused before anything changes. @throws SecretError `invalid_argument` */
export function requireDrafts(operation: string, drafts: readonly QueueDraft[]): void {
  for (const { delayMs, claimMs } of drafts) {
    if (delayMs !== undefined) requireWhole(operation, 'delayMs', delayMs, 0)
    if (claimMs !== undefined) requireWhole(operation, 'claimMs', claimMs, 0)
  }
}

/** For authors of metadata stores: a look at the record before it is changed. @throws SecretError `not_found`, and `conflict` when it is at no such revision */
export function requireRevision<Found extends { readonly revision: number }>(
  operation: string,
  record: Found | undefined,
  ifRevision: IfRevision | undefined,
): Found {
  if (record === undefined) throw SecretError.refused('not_found', operation)
  if (ifRevision !== undefined && ![ifRevision].flat().includes(record.revision)) throw SecretError.refused('conflict', operation)
  return record
}
