import { byBytes, finding, unlessFailed, unsupported, walkFolders, withEffect } from '@strongroom/core/driver-support'
import type { DriverCall, DriverCapabilities, DriverEntry, ListFolder, NativePath, SecretDriver, VersionId } from '@strongroom/core/driver-support'
import { answers, dataOf, fieldsFor, metadataOf, namesOf, payloadOf, versionOf, type Metadata } from './answers.ts'
import { classify, isMismatch } from './classify.ts'
import { Connection } from './client.ts'
import { checkOptions, type VaultOptions } from './options.ts'
import { checkedPath, checkLabels, encodePath, isPath, isVersion } from './paths.ts'

const CAPABILITIES: DriverCapabilities = {
  // Consul's keys have 512 bytes, and KV encrypts paths.
  maxPathLength: 256,
  // JSON writes some characters as six, and Consul's values have 524,288 bytes.
  maxValueBytes: { text: 65_536, binary: 65_536 },
  maxBatch: 1,
  create: 'atomic',
  appendAfter: 'compared',
  current: 'on_append',
  versionProof: 'position',
  destroyVersion: 'erased',
  remove: 'immediate',
  textForm: 'kept',
}
const PAGE = 1_000
const PAGE_WITH_LABELS = 100
const PARALLEL_READS = 8

/**
 * KV version 2 of HashiCorp Vault and OpenBao. The SDK is loaded by the first call.
 * @throws SecretError `invalid_argument` or `misconfigured` for wrong options
 */
export function vaultDriver(options: VaultOptions): SecretDriver {
  const checked = checkOptions(options)
  const { address, mount, namespace, maxVersions } = checked
  const connection = new Connection(checked)

  const urlOf = (kind: 'data' | 'metadata' | 'destroy', path: string): string => `${encodePath(mount)}/${kind}/${encodePath(checkedPath(path))}`

  const write = async (operation: 'create' | 'append', path: NativePath, fields: object, cas: number, call: DriverCall): Promise<VersionId> => {
    const json = { options: { cas }, data: fields }
    const answer = await connection.send(operation, call, { method: 'POST', path: urlOf('data', path), json })
    return versionOf(dataOf(answer, 'unknown')['version'], 'unknown')
  }
  const metadata = async (path: NativePath, call: DriverCall): Promise<Metadata> => {
    const found = metadataOf(await connection.send('metadata', call, { method: 'GET', path: urlOf('metadata', path) }))
    // Labels without a value, which anybody can make, are no secret.
    if (found.newest === 0) throw finding('not_found')
    return found
  }
  const writeMetadata = (path: NativePath, json: object, call: DriverCall): Promise<unknown> =>
    connection.send('metadata', call, { method: 'POST', path: urlOf('metadata', path), json })

  /** The server drops the oldest versions when there are too many: so that it drops only destroyed ones, it is told to keep more. */
  const makeRoom = async (path: NativePath, { newest, oldestKept, maxVersions: has }: Metadata, call: DriverCall): Promise<void> => {
    const needed = oldestKept === undefined ? 1 : newest + 1 - oldestKept + 1
    if (has >= needed) return
    if (needed > maxVersions) {
      throw finding('quota_exceeded', { hint: 'the server would drop a version: destroy old ones, or raise maxVersions' })
    }
    // No version was added, and to say it twice does no harm.
    await withEffect('none', writeMetadata(path, { max_versions: maxVersions }, call))
  }

  const listFolder = async (folder: string, after: string | undefined, size: number, call: DriverCall): ReturnType<ListFolder> => {
    // Vault does not know `limit` and `after`, and answers everything.
    const query = `list=true&limit=${size}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`
    const request = { method: 'GET', path: `${encodePath(mount)}/metadata/${encodePath(folder)}?${query}` } as const
    const names = (await unlessMissing(connection.send('list', call, request).then(namesOf))) ?? []
    return { names: names.filter(name => after === undefined || byBytes(name, after) > 0).toSorted(byBytes), more: names.length === size }
  }

  const fullPathOf = (path: string): string => `${namespace === '' ? '' : `${namespace}/`}${mount}/data/${path}`

  const labelled = async (path: NativePath, call: DriverCall): Promise<DriverEntry | undefined> => {
    const found = await unlessMissing(metadata(path, call))
    return found && { path, fullPath: fullPathOf(path), createdAt: found.createdAt, updatedAt: found.updatedAt, labels: found.labels }
  }

  return {
    specification: 'v1',
    kind: 'vault',
    location: `vault:${address}:${namespace}/${mount}`,
    capabilities: CAPABILITIES,

    async create({ path, payload, labels }, call) {
      checkLabels(labels)
      const version = await write('create', path, fieldsFor(payload), 0, call)
      const custom = Object.keys(labels).length === 0 ? {} : { custom_metadata: labels }
      await withEffect('unknown', writeMetadata(path, { max_versions: maxVersions, ...custom }, call))
      return { version, fullPath: fullPathOf(path) }
    },

    async append({ path, payload, after }, call) {
      const fields = fieldsFor(payload)
      for (let newest: number | undefined; ;) {
        const found = await metadata(path, call)
        if (after !== undefined && after !== String(found.newest)) throw finding('conflict')
        await makeRoom(path, found, call)
        try {
          return { version: await write('append', path, fields, found.newest, call) }
        } catch (error) {
          // Nobody asked for a comparison, so a faster writer is no reason to fail; each round, one of them was faster.
          if (after !== undefined || found.newest === newest || !isMismatch(error)) throw error
          newest = found.newest
        }
      }
    },

    async read({ path, version }, call) {
      if (version !== undefined && !isVersion(version)) throw finding('not_found')
      const query = version === undefined ? '' : `?version=${version}`
      const answer = dataOf(await connection.send('read', call, { method: 'GET', path: urlOf('data', path) + query, exact: true }))
      const found = versionOf(answers.object(answer['metadata'])['version'])
      if (version !== undefined && found !== version) throw answers.damaged()
      return { payload: payloadOf(answer['data']), version: found }
    },

    async versions({ path }, call) {
      return { items: (await metadata(path, call)).versions, next: undefined }
    },

    async list({ prefix, withLabels, page }, call) {
      const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
      if (folder !== '' && !isPath(folder)) return { items: [], next: undefined }
      if (page !== undefined && !(page.startsWith(folder) && isPath(page))) throw finding('invalid_argument')
      const size = withLabels ? PAGE_WITH_LABELS : PAGE
      const { paths, next } = await walkFolders({ prefix, page, size, isPath }, (at, after) => listFolder(at, after, size, call))
      const nothing = { createdAt: undefined, updatedAt: undefined, labels: undefined }
      const bare = (path: string): DriverEntry => ({ path: path as NativePath, fullPath: fullPathOf(path), ...nothing })
      if (!withLabels) return { items: paths.map(bare), next }
      const items: (DriverEntry | undefined)[] = []
      for (let from = 0; from < paths.length; from += PARALLEL_READS) {
        const some = paths.slice(from, from + PARALLEL_READS)
        items.push(...(await Promise.all(some.map(path => labelled(path as NativePath, call)))))
      }
      return { items: items.filter(item => item !== undefined), next }
    },

    async destroyVersion({ path, version }, call) {
      // No version is called so, and what is not there is gone.
      if (!isVersion(version)) return
      await connection.send('destroy', call, { method: 'POST', path: urlOf('destroy', path), json: { versions: [Number(version)] } })
    },

    async remove({ path, purge }, call) {
      if (!purge) return await unsupported()
      await connection.send('remove', call, { method: 'DELETE', path: urlOf('metadata', path) })
      return { state: 'gone' }
    },

    promote: unsupported, // never called where `current` is `on_append`
    readMany: unsupported, // never called where `maxBatch` is 1
    restore: unsupported, // never called where `remove` is `immediate`
    classify,
    close: () => connection.close(),
  }
}

function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  return unlessFailed(work, error => classify(error).code === 'not_found')
}
