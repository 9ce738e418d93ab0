import { SecretError } from '../errors.ts'
import type { MetadataStore } from '../metadata.ts'
import type { StoredRecord } from '../records.ts'
import type { AccountId, CallOptions, SecretId } from '../words.ts'
import { persist } from './persist.ts'

/** The record by id or by key, one of the two. @throws SecretError `not_found`, and the database's own */
export async function findRecord(
  operation: string,
  { registry, metadata }: { readonly registry: string; readonly metadata: MetadataStore },
  reference: { readonly account: AccountId; readonly id: SecretId | undefined; readonly key: string | undefined },
  { signal, withinMs }: CallOptions & { readonly withinMs: number },
): Promise<StoredRecord> {
  const found = await persist(() => metadata.find({ registry, ...reference }, { signal }), { operation, signal, withinMs, effect: 'none' })
  if (found === undefined) throw SecretError.refused('not_found', operation, { secretName: reference.key })
  return found
}
