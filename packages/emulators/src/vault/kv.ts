import type { WireAnswer } from '../shared/http-server.ts'
import { NONE, type Flavour } from './answers.ts'
import type { KvCall } from './call.ts'
import type { Fields } from './fields.ts'
import { deleteVersions, destroyVersions, numbersOf, patchData, readData, undeleteVersions, writeData } from './data.ts'
import { listMetadata, patchMetadata, readConfig, readMetadata, writeConfig, writeMetadata } from './metadata.ts'

/** Fields that each part of the engine knows; the rest is ignored with a warning. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  data: ['path', 'version', 'options', 'data'],
  metadata: ['path', 'cas_required', 'max_versions', 'delete_version_after', 'custom_metadata'],
  delete: ['path', 'versions'],
  undelete: ['path', 'versions'],
  destroy: ['path', 'versions'],
  config: ['cas_required', 'max_versions', 'delete_version_after'],
}
/** Fields of OpenBao alone. */
const OPENBAO_FIELDS: Readonly<Record<string, readonly string[]>> = {
  metadata: ['after', 'limit', 'metadata_cas', 'metadata_cas_required'],
  config: ['metadata_cas_required'],
}

export const OPERATIONS: Readonly<Record<string, (call: KvCall) => WireAnswer>> = {
  ReadData: readData,
  WriteData: writeData,
  PatchData: patchData,
  DeleteData: call => deleteVersions(call, [call.tree.newest(call.key)?.current ?? 0]),
  DeleteVersions: call => deleteVersions(call, numbersOf(call)),
  UndeleteVersions: undeleteVersions,
  DestroyVersions: destroyVersions,
  ReadMetadata: readMetadata,
  WriteMetadata: writeMetadata,
  PatchMetadata: patchMetadata,
  ListMetadata: listMetadata,
  DeleteMetadata: call => {
    if (call.tree.newest(call.key) !== undefined) call.write(undefined)
    return NONE
  },
  ReadConfig: readConfig,
  WriteConfig: writeConfig,
}

/** The warning about fields that nobody looks at. */
export function ignoredFields(flavour: Flavour, part: string, fields: Fields): readonly string[] {
  const known = new Set([...(FIELDS[part] ?? []), ...(flavour === 'openbao' ? (OPENBAO_FIELDS[part] ?? []) : [])])
  const ignored = Object.keys(fields).filter(name => !known.has(name))
  return ignored.length === 0 ? [] : [`Endpoint ignored these unrecognized parameters: [${ignored.toSorted().join(' ')}]`]
}
