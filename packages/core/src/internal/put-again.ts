import type { SecretDriver } from '../driver.ts'
import { isSecretError } from '../errors.ts'
import type { SecretRecord, StoredRecord } from '../records.ts'
import type { Actor, VersionId } from '../words.ts'
import type { BoundStores } from './stores.ts'
import { VERSION_GONE, type WriteProtocol } from './write-protocol.ts'

/**
 * Puts the value of a version again, as a new version of its record that is then the pointer's and the newest: an update like any
 * other, with its intent and its audit entry, by one who may read. Only as long as the record is as given (`conflict`).
 */
export function putAgain(
  stores: BoundStores<SecretDriver>,
  protocol: WriteProtocol,
  { id, accountId: account, key, revision, pointer }: StoredRecord,
  version: VersionId,
  by: { readonly operation: string; readonly actor: Actor; readonly signal: AbortSignal | undefined },
): Promise<SecretRecord> {
  const { operation, signal } = by
  const { driver, guard } = stores.get(pointer.store, operation)
  const call = { operation, secretName: key, signal, afterUnknown: 'read' } as const
  return protocol.updateValue({ ...by, account }, id, {
    description: undefined,
    ifRevision: revision,
    replaces: version,
    payload: async () => {
      try {
        return (await guard.run({ ...call, attempt: at => driver.read({ path: pointer.path, version }, at) })).payload
      } catch (error) {
        if (!isSecretError(error, 'not_found', 'version_unusable')) throw error
        throw error.in({ code: 'version_unusable', hint: VERSION_GONE })
      }
    },
  })
}
