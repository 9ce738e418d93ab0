import type { WireAnswer } from '../shared/http-server.ts'
import { empty, failure, NONE, NOT_FOUND } from './answers.ts'
import { ok, type KvCall } from './call.ts'
import { BadRequest, boolOf, goDuration, goTypeOf, intOf, mapOf, secondsOf, textOf, type Fields } from './fields.ts'
import { customMetadataError, multiError } from './limits.ts'
import { newEntry, type Entry } from './state.ts'
import { metadataView } from './views.ts'

export function readMetadata(call: KvCall): WireAnswer {
  const entry = call.tree.at(call.key, call.readsAt)
  return entry === undefined ? NOT_FOUND : ok(call, metadataView(call.flavour, entry))
}

export function writeMetadata(call: KvCall): WireAnswer {
  const settings = settingsOf(call, 'write')
  if (settings.given.length === 0) return NONE
  const custom = settings.custom === undefined ? undefined : customOf(settings.custom, 'write')
  const entry = call.tree.newest(call.key)
  checkMetadataCas(call, entry, settings.cas)
  call.write(withSettings(call, entry ?? newEntry(call.now), settings.values, custom))
  return afterSettings(call, settings.values)
}

export function patchMetadata(call: KvCall): WireAnswer {
  const settings = settingsOf(call, 'patch')
  const given = settings.custom === undefined ? undefined : customOf(settings.custom, 'patch')
  const entry = call.tree.newest(call.key)
  if (entry === undefined) return empty(404)
  // Nothing is compared where nothing is changed.
  if (settings.given.length === 0) return NONE
  checkMetadataCas(call, entry, settings.cas)
  const unreadable = unreadableIn(settings.custom, intOf(call.fields, 'max_versions'))
  if (unreadable !== undefined) return failure(500, multiError([`json: cannot unmarshal ${unreadable}`]))
  const removed = call.fields['custom_metadata'] === null
  const kept = Object.entries(entry.custom).filter(([key]) => !Object.hasOwn(settings.custom ?? {}, key))
  call.write(withSettings(call, entry, settings.values, removed ? {} : { ...Object.fromEntries(kept), ...given }))
  return afterSettings(call, settings.values)
}

/** What the server stumbles over when it reads its own patched JSON again, and answers 500. */
function unreadableIn(custom: Fields | undefined, maxVersions: number | undefined): string | undefined {
  const odd = Object.entries(custom ?? {}).find(([, value]) => typeof value === 'number' || typeof value === 'boolean')
  if (odd !== undefined) return `${typeof odd[1] === 'number' ? 'number' : 'bool'} into Go struct field .custom_metadata.${odd[0]} of type string`
  const fits = maxVersions === undefined || (maxVersions >= 0 && maxVersions < 2 ** 32)
  return fits ? undefined : `number ${maxVersions} into Go struct field .max_versions of type uint32`
}

type Settings = Partial<Pick<Entry, 'maxVersions' | 'casRequired' | 'deleteAfter' | 'metadataCasRequired'>>

function settingsOf({ flavour, fields }: KvCall, how: 'write' | 'patch') {
  const openbao = flavour === 'openbao'
  const maxVersions = intOf(fields, 'max_versions')
  const casRequired = boolOf(fields, 'cas_required')
  const deleteAfter = secondsOf(fields, 'delete_version_after')
  const custom = mapOf(fields, 'custom_metadata')
  const cas = openbao ? intOf(fields, 'metadata_cas') : undefined
  const metadataCasRequired = openbao ? boolOf(fields, 'metadata_cas_required') : undefined
  // A patch with a duration of zero changes nothing in OpenBao; Vault mended it.
  const ignored = how === 'patch' && openbao && deleteAfter === 0
  const values: Settings = {
    ...(maxVersions === undefined ? {} : { maxVersions: maxVersions >>> 0 }),
    ...(casRequired === undefined ? {} : { casRequired }),
    ...(deleteAfter === undefined || ignored ? {} : { deleteAfter }),
    ...(metadataCasRequired === undefined ? {} : { metadataCasRequired }),
  }
  const given = [maxVersions, casRequired, deleteAfter, custom, metadataCasRequired].filter(value => value !== undefined)
  return { values, custom, cas, given }
}

function checkMetadataCas({ flavour, tree }: KvCall, entry: Entry | undefined, cas: number | undefined): void {
  if (flavour === 'vault') return
  if (cas === undefined) {
    if (entry?.metadataCasRequired === true || tree.config.metadataCasRequired) {
      throw new BadRequest('metadata check-and-set parameter required for this call')
    }
    return
  }
  if (entry === undefined && cas !== 0) throw new BadRequest('metadata_cas must be 0 when creating new metadata')
  if (entry !== undefined && cas !== entry.metadataVersion) {
    throw new BadRequest('metadata check-and-set parameter does not match the current version')
  }
}

function withSettings({ flavour, now }: KvCall, entry: Entry, values: Settings, custom: Readonly<Record<string, string>> | undefined): Entry {
  return {
    ...entry,
    ...values,
    custom: custom ?? entry.custom,
    metadataVersion: entry.metadataVersion + 1,
    updatedAt: flavour === 'openbao' ? now : entry.updatedAt,
  }
}

/** Nothing, or a warning about settings that the engine's configuration overrules. */
function afterSettings(call: KvCall, { casRequired, metadataCasRequired }: Settings): WireAnswer {
  const { config } = call.tree
  const overruled = [
    ...(casRequired === false && config.casRequired ? ['cas_required'] : []),
    ...(metadataCasRequired === false && config.metadataCasRequired ? ['metadata_cas_required'] : []),
  ]
  if (overruled.length === 0) return NONE
  const warnings = overruled.map(name => `"${name}" set to false, but is mandated by backend config. This value will be ignored.`)
  return ok({ ...call, warnings: [...warnings, ...call.warnings] }, null)
}

/** @throws BadRequest when it is not custom metadata. In a patch, null takes a key away. */
function customOf(given: Fields, how: 'write' | 'patch'): Readonly<Record<string, string>> {
  const texts = Object.entries(given)
    .filter(([, value]) => how === 'write' || value !== null)
    .map(([key, value]): [string, string] => {
      if (typeof value === 'object' && value !== null) {
        throw new BadRequest(`custom_metadata validation failed: '' expected type 'string', got unconvertible type '${goTypeOf(value)}'`)
      }
      return [key, typeof value === 'boolean' ? (value ? '1' : '0') : (textOf(value) ?? '')]
    })
  const custom = Object.fromEntries(texts)
  const error = customMetadataError(custom)
  if (error !== undefined) throw new BadRequest(error)
  return custom
}

export function listMetadata(call: KvCall): WireAnswer {
  const paged = call.flavour === 'openbao'
  const after = paged ? (textOf(call.fields['after']) ?? '') : ''
  const limit = (paged ? intOf(call.fields, 'limit') : undefined) ?? 0
  const folder = call.key === '' || call.key.endsWith('/') ? call.key : `${call.key}/`
  const children = call.tree
    .keysAt(call.listsAt)
    .filter(key => key.startsWith(folder))
    .map(key => /^[^/]*\/?/.exec(key.slice(folder.length))?.[0] ?? '')
  const keys = [...new Set(children)].filter(key => Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0)
  const page = limit > 0 ? keys.slice(0, limit) : keys
  if (page.length > 0) return ok(call, { keys: page })
  return call.warnings.length === 0 ? NOT_FOUND : ok(call, {}) // an answer with a warning is never a 404
}

export function readConfig(call: KvCall): WireAnswer {
  const { config } = call.tree
  return ok(call, {
    max_versions: config.maxVersions,
    cas_required: config.casRequired,
    delete_version_after: goDuration(config.deleteAfter),
    ...(call.flavour === 'openbao' ? { metadata_cas_required: config.metadataCasRequired } : {}),
  })
}

export function writeConfig({ flavour, fields, tree: { config } }: KvCall): WireAnswer {
  const maxVersions = intOf(fields, 'max_versions')
  const casRequired = boolOf(fields, 'cas_required')
  const deleteAfter = secondsOf(fields, 'delete_version_after', 'negative')
  const metadataCasRequired = flavour === 'openbao' ? boolOf(fields, 'metadata_cas_required') : undefined
  if (maxVersions !== undefined) config.maxVersions = maxVersions >>> 0
  if (casRequired !== undefined) config.casRequired = casRequired
  if (deleteAfter !== undefined) config.deleteAfter = Math.max(-1, deleteAfter)
  if (metadataCasRequired !== undefined) config.metadataCasRequired = metadataCasRequired
  return NONE
}
