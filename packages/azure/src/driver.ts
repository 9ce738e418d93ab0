import { setTimeout as delay } from 'node:timers/promises'
import { dateOf, finding, PageTokens, unlessFailed, unsupported, withCircumstances } from '@strongroom/core/driver-support'
import type {
  DriverCall,
  DriverCapabilities,
  DriverVersion,
  NativePath,
  Payload,
  Removal,
  SecretDriver,
  SecretErrorCode,
  VersionId,
} from '@strongroom/core/driver-support'
import type { DeletedSecret, SecretProperties } from '@azure/keyvault-secrets'
import * as answers from './answers.ts'
import { ASK_AGAIN_MS, classify, innerCodeOf } from './classify.ts'
import { Connection, type RequestOptions } from './client.ts'
import { checkOptions, type AzureClient, type AzureOptions } from './options.ts'
import { pageSize, skipOf, type Cursor } from './paging.ts'
import { checkName, checkVersion, fullPathOf, isPrefix, sameName } from './paths.ts'

const CAPABILITIES: DriverCapabilities = {
  maxPathLength: 127,
  maxValueBytes: { text: 25_000, binary: 18_750 },
  maxBatch: 1,
  create: 'checked',
  appendAfter: 'ignored',
  current: 'on_append',
  versionProof: 'token',
  destroyVersion: 'blocked',
  remove: 'recoverable',
  textForm: 'kept',
}
const MAX_TAGS = 15
const FIRST_WAIT_MS = 500

type List = (client: AzureClient, options: RequestOptions) => ReturnType<AzureClient['listPropertiesOfSecrets']>

interface PropertiesPage {
  readonly items: readonly SecretProperties[]
  readonly skip: string | undefined
}

/**
 * The secrets of an Azure Key Vault. The SDK is loaded by the first call.
 * @throws SecretError `invalid_argument` or `misconfigured` for wrong options
 */
export function azureDriver(options: AzureOptions): SecretDriver {
  const { tags: ownTags = {}, ...rest } = checkOptions(options)
  const { vaultUrl } = rest
  const connection = new Connection(rest)
  const cursors = new PageTokens<Cursor>()
  const page = (call: DriverCall, skip: string | undefined, list: List): Promise<PropertiesPage> =>
    connection.send('read', call, async (client, request, body) => {
      const pages = list(client, { ...request, requestOptions: { ...request.requestOptions, skipUrlEncoding: true } }).byPage({
        maxPageSize: pageSize(skip),
      })
      const { value } = await pages.next()
      const next = skipOf((body() as { readonly nextLink?: unknown } | undefined)?.nextLink)
      if (!Array.isArray(value) || (value.length > 0 && next !== undefined && next === skip)) throw answers.damaged()
      return { items: value as readonly SecretProperties[], skip: next }
    })
  const versionsPage = (path: NativePath, call: DriverCall, skip: string | undefined): Promise<PropertiesPage> =>
    page(call, skip, (client, request) => client.listPropertiesOfSecretVersions(path, request))

  /** Page by page, as far as it is asked for. Azure answers an empty list for a secret that is not there. */
  async function* allVersions(path: NativePath, call: DriverCall): AsyncGenerator<readonly SecretProperties[]> {
    let skip: string | undefined
    do {
      const { items, skip: next } = await versionsPage(path, call, skip)
      yield items
      skip = next
    } while (skip !== undefined)
  }

  /**
   * The tags that a new version takes over, and whether there is a secret at all. Every version of this library's has the labels, so
   * that the first page with one is enough; Azure's order says nothing of which is the newest.
   */
  const tagsOf = async (path: NativePath, call: DriverCall): Promise<Readonly<Record<string, string>>> => {
    const foreign: SecretProperties[] = []
    for await (const items of allVersions(path, call)) {
      const ours = answers.newestOf(items.filter(item => answers.writerOf(item) !== undefined))
      if (ours !== undefined) return answers.labelsOf(ours.tags)
      foreign.push(...items)
    }
    const newest = answers.newestOf(foreign)
    if (newest === undefined) throw finding('not_found')
    return answers.labelsOf(newest.tags)
  }

  const set = async (
    operation: 'create' | 'append',
    { path, payload, token }: { readonly path: NativePath; readonly payload: Payload; readonly token: string },
    labels: Readonly<Record<string, string>>,
    call: DriverCall,
  ): Promise<VersionId> => {
    const tags = { ...ownTags, ...labels, [answers.TOKEN_TAG]: token }
    if (Object.keys(tags).length > MAX_TAGS) {
      throw finding('invalid_argument', { hint: `a secret has at most ${MAX_TAGS} tags, one of them the driver's` })
    }
    const { value, contentType } = answers.valueOf(payload)
    const more = { tags, ...(contentType === undefined ? {} : { contentType }) }
    const answer = await connection.send(operation, call, (client, request) => client.setSecret(path, value, { ...request, ...more }))
    return answers.versionIn(answer, path, 'unknown')
  }

  /** What Azure says of the deletion; undefined when there is nothing to delete. */
  const softDelete = async (path: NativePath, call: DriverCall): Promise<DeletedSecret | undefined> => {
    const begun = connection.send('remove', call, (client, request) => client.beginDeleteSecret(path, request), 'DELETE')
    const poller = await unlessFailed(begun, isCoded('not_found'))
    if (poller === undefined) return undefined
    const { result } = poller.getOperationState()
    if (result === undefined) throw answers.damaged('unknown')
    return result
  }

  const purge = async (path: NativePath, call: DriverCall): Promise<'purged' | 'missing' | 'moving'> => {
    try {
      await connection.send('remove', call, (client, request) => client.purgeDeletedSecret(path, request))
      return 'purged'
    } catch (error) {
      const inner = innerCodeOf(error)
      if (inner === 'ObjectIsBeingDeleted' || inner === 'ObjectIsBeingRecovered') return 'moving'
      if (classify(error).code === 'not_found') return 'missing'
      throw error
    }
  }

  /** Whether a refused purge is one that nobody may do; who may not look does not learn it. */
  const isProtected = async (path: NativePath, call: DriverCall): Promise<DeletedSecret | undefined> => {
    const found = await connection.send('read', call, (client, request) => client.getDeletedSecret(path, request)).catch(() => undefined)
    return found === undefined || answers.isPurgeable(found) ? undefined : found
  }

  return {
    specification: 'v1',
    kind: 'azure',
    location: `azure:${new URL(vaultUrl).host}`,
    capabilities: CAPABILITIES,

    async create(request, call) {
      const { path, token, labels, isNew = false } = request
      checkName(path)
      const fullPath = fullPathOf(vaultUrl, path)
      if (isNew) return { version: await set('create', request, labels, call), fullPath }
      let there = false
      for await (const items of allVersions(path, call)) {
        const own = items.find(item => answers.writerOf(item) === token && item.enabled !== false)
        if (own !== undefined) return { version: answers.versionOf(own, path).version, fullPath }
        there ||= items.length > 0
      }
      if (there) throw finding('already_exists')
      return { version: await set('create', request, labels, call), fullPath }
    },

    async append(request, call) {
      checkName(request.path)
      return { version: await set('append', request, await tagsOf(request.path, call), call) }
    },

    async read({ path, version }, call) {
      checkName(path)
      if (version !== undefined) checkVersion(version)
      const answer = await connection.send('read', call, (client, request) =>
        client.getSecret(path, version === undefined ? request : { ...request, version }),
      )
      const found = answers.versionIn(answer, path, 'none')
      if (version !== undefined && found !== version) throw answers.damaged()
      return { payload: answers.payloadOf(answer), version: found }
    },

    async versions({ path, page: token }, call) {
      checkName(path)
      const list = `versions ${path.toLowerCase()}`
      const from = token === undefined ? undefined : cursors.open(list, token)
      const { items, skip } = await versionsPage(path, call, from?.skip)
      const known = [...answers.revived(from?.kept ?? []), ...items.map(item => answers.versionOf(item, path))]
      // Which is the newest is known on the last page: until then those that may be are kept in the cursor.
      const { older, newest } = answers.splitNewest(known)
      if (skip !== undefined) return { items: older, next: cursors.seal(list, { page: (from?.page ?? 1) + 1, skip, kept: newest }) }
      if (newest.length === 0) throw finding('not_found')
      return { items: [...older, ...(await withCurrent(path, newest, call))], next: undefined }
    },

    async list({ prefix, withLabels, page: token }, call) {
      if (!isPrefix(prefix)) return { items: [], next: undefined }
      const from = token === undefined ? undefined : cursors.open('list', token)
      const { items, skip } = await page(call, from?.skip, (client, request) => client.listPropertiesOfSecrets(request))
      // The secret of a certificate is the certificate's: it is neither written nor removed on its own.
      const found = items.filter(({ name, managed }) => sameName(name.slice(0, prefix.length), prefix) && managed !== true)
      const entries = found.map(item => answers.entryOf(item, { vaultUrl, prefix, withLabels }))
      return { items: entries, next: skip === undefined ? undefined : cursors.seal('list', { page: (from?.page ?? 1) + 1, skip }) }
    },

    async destroyVersion({ path, version }, call) {
      checkName(path)
      checkVersion(version)
      await connection.send('destroyVersion', call, (client, request) => client.updateSecretProperties(path, version, { ...request, enabled: false }))
    },

    async remove({ path, purge: forGood }, call) {
      checkName(path)
      const deleted = await softDelete(path, call)
      if (deleted === undefined && !forGood) throw finding('not_found')
      if (deleted !== undefined && deleted.properties.recoveryId === undefined) return { state: 'gone' }
      if (deleted !== undefined && (!forGood || !answers.isPurgeable(deleted))) return retained(deleted)
      try {
        const first = await purge(path, call)
        if (first === 'missing') return deleted === undefined ? { state: 'gone' } : ASK_AGAIN
        if (first === 'moving') return ASK_AGAIN
        // A purge goes on after its answer; until it has come to its end the name is not free.
        return (await purge(path, call)) === 'missing' ? { state: 'gone' } : ASK_AGAIN
      } catch (error) {
        const held = classify(error).code === 'permission_denied' ? await isProtected(path, call) : undefined
        if (held !== undefined) return retained(held)
        throw deleted === undefined ? error : withCircumstances(error, { effect: 'unknown' })
      }
    },

    async restore({ path }, call) {
      checkName(path)
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, ASK_AGAIN_MS)) {
        try {
          return void (await connection.send('restore', call, (client, request) => client.beginRecoverDeletedSecret(path, request), 'POST'))
        } catch (error) {
          const inner = innerCodeOf(error)
          if (inner === 'ObjectIsBeingRecovered') return
          if (inner !== 'ObjectIsBeingDeleted') throw error
        }
        // Azure deletes for some seconds after its answer, and cannot recover in this time. The next round sees an abort.
        await delay(waitMs, undefined, { signal: call.signal }).catch(() => {})
      }
    },

    promote: unsupported, // never called where `current` is `on_append`
    readMany: unsupported, // never called where `maxBatch` is 1
    classify,
    close: () => connection.close(),
  }

  /**
   * Which of the newest is current. Azure counts in seconds: for versions of the same second only a read tells, whose value is
   * dropped; who may not read does not learn it.
   */
  async function withCurrent(path: NativePath, newest: readonly DriverVersion[], call: DriverCall): Promise<readonly DriverVersion[]> {
    const usable = newest.filter(({ state }) => state === 'usable')
    const current = newest.length === 1 ? usable[0]?.version : usable.length === 0 ? undefined : await askCurrent(path, call)
    return newest.map(version => ({ ...version, current: version.version === current }))
  }

  async function askCurrent(path: NativePath, call: DriverCall): Promise<VersionId | undefined> {
    const asked = connection.send('read', call, (client, request) => client.getSecret(path, request))
    const found = await unlessFailed(asked, isCoded('permission_denied', 'version_unusable', 'not_found'))
    return found && answers.versionIn(found, path, 'none')
  }
}

/** Whether an error means one of these. */
function isCoded(...codes: readonly SecretErrorCode[]): (error: unknown) => boolean {
  return error => codes.includes(classify(error).code)
}

const ASK_AGAIN: Removal = { state: 'pending', retryAfterMs: ASK_AGAIN_MS }

function retained({ properties: { scheduledPurgeDate } }: Pick<DeletedSecret, 'properties'>): Removal {
  return { state: 'retained', until: dateOf(scheduledPurgeDate) }
}
