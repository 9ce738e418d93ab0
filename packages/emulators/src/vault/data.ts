import type { WireAnswer } from '../shared/http-server.ts'
import { answer, empty, failure, NONE, NOT_FOUND } from './answers.ts'
import { ok, type KvCall } from './call.ts'
import { BadRequest, intOf, mapOf, versionsOf, type Fields } from './fields.ts'
import { entryError, multiError } from './limits.ts'
import { deletionAt, isDeleted, newEntry, withVersion, withVersions, type Config, type Entry, type Version } from './state.ts'
import { versionView } from './views.ts'

export function readData(call: KvCall): WireAnswer {
  const wanted = intOf(call.fields, 'version') ?? 0
  const entry = call.tree.at(call.key, call.readsAt)
  if (entry === undefined) return NOT_FOUND
  const number = wanted > 0 ? wanted : entry.current
  const version = entry.versions.get(number)
  if (version === undefined) return NOT_FOUND
  const metadata = versionView(entry, number, version)
  if (version.json === undefined || isDeleted(version, call.now)) return answer(call.flavour, 404, { data: { data: null, metadata } })
  return ok(call, { data: JSON.parse(version.json) as unknown, metadata })
}

export function writeData(call: KvCall): WireAnswer {
  const options = mapOf(call.fields, 'options')
  const data = mapOf(call.fields, 'data')
  if (data === undefined) throw new BadRequest('no data provided')
  const entry = call.tree.newest(call.key) ?? newEntry(call.now)
  checkCas(options, entry, call.tree.config)
  return addVersion(call, entry, call.fields['data'] === null ? null : data)
}

export function patchData(call: KvCall): WireAnswer {
  const options = mapOf(call.fields, 'options')
  const data = mapOf(call.fields, 'data')
  if (data === undefined) throw new BadRequest('no data provided')
  const entry = call.tree.newest(call.key)
  if (entry === undefined) return empty(404)
  checkCas(options, entry, call.tree.config)
  const version = entry.versions.get(entry.current)
  if (version === undefined) return empty(404)
  if (version.json === undefined || isDeleted(version, call.now)) {
    return answer(call.flavour, 404, { data: versionView(entry, entry.current, version) })
  }
  const before: unknown = JSON.parse(version.json)
  if (before === null) return failure(500, multiError(['resource does not exist']))
  return addVersion(call, entry, merged(before, call.fields['data'] === null ? null : data))
}

function addVersion(call: KvCall, entry: Entry, data: unknown): WireAnswer {
  const text = JSON.stringify(data)
  const tooLarge = entryError(text, call.maxEntryBytes)
  if (tooLarge !== undefined) return failure(500, multiError([tooLarge]))
  const next = withVersion(entry, text, call.tree.config, call.now)
  call.write(next)
  const version = next.versions.get(next.current)
  if (version === undefined) throw new Error('a version that was just added is there')
  return ok(call, versionView(next, next.current, version))
}

function checkCas(options: Fields | undefined, entry: Entry, config: Config): void {
  if (options === undefined || !Object.hasOwn(options, 'cas')) {
    if (entry.casRequired || config.casRequired) throw new BadRequest('check-and-set parameter required for this call')
    return
  }
  let cas: number | undefined
  try {
    cas = intOf(options, 'cas')
  } catch {
    throw new BadRequest('error parsing check-and-set parameter')
  }
  if (cas !== entry.current) throw new BadRequest('check-and-set parameter did not match the current version')
}

export function numbersOf({ fields }: KvCall, missing = 'No version number provided'): readonly number[] {
  const numbers = versionsOf(fields, 'versions')
  if (numbers.length === 0) throw new BadRequest(missing)
  return numbers
}

export function deleteVersions(call: KvCall, numbers: readonly number[]): WireAnswer {
  const deleted = (version: Version): Version => (isDeleted(version, call.now) ? version : { ...version, deletionAt: call.now })
  return changeVersions(call, numbers, () => deleted)
}

export function undeleteVersions(call: KvCall): WireAnswer {
  return changeVersions(call, numbersOf(call), entry => version => ({ ...version, deletionAt: deletionAt(entry, call.tree.config, call.now) }))
}

export function destroyVersions(call: KvCall): WireAnswer {
  return changeVersions(call, numbersOf(call, 'no version number provided'), () => version => ({ ...version, destroyed: true, json: undefined }))
}

function changeVersions(call: KvCall, numbers: readonly number[], changeOf: (entry: Entry) => (version: Version) => Version): WireAnswer {
  const entry = call.tree.newest(call.key)
  if (entry !== undefined) call.write(withVersions(entry, numbers, changeOf(entry)))
  return NONE
}

/** RFC 7396. */
function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const result = new Map(Object.entries(isObject(target) ? target : {}))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key)
    else result.set(key, merged(result.get(key), value))
  }
  return Object.fromEntries(result)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
