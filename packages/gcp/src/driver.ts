import { finding, tokenOf, unsupported, withEffect } from '@strongroom/core/driver-support'
import type { DriverCall, DriverCapabilities, DriverPage, DriverVersion, Fields, NativePath, SecretDriver } from '@strongroom/core/driver-support'
import { answers, claimOf, claimText, entryOf, etagOf, holderOf, numberOf, versionOf } from './answers.ts'
import { classify, CODE, codeOf } from './classify.ts'
import { CLAIM, checkOptions, type GcpOptions, type GcpReplication } from './options.ts'
import { idOf, isPrefix, numberOfId } from './paths.ts'
import { MAX_BYTES, Service, unlessMissing } from './service.ts'

const CAPABILITIES: DriverCapabilities = {
  maxPathLength: 255,
  maxValueBytes: { text: MAX_BYTES, binary: MAX_BYTES },
  maxBatch: 1,
  create: 'atomic',
  appendAfter: 'ignored',
  current: 'on_append',
  versionProof: 'position',
  destroyVersion: 'erased',
  remove: 'immediate',
  textForm: 'inferred',
}
const PAGE = 100
/**
 * After this long a secret of ours without a version is one whose creator died: the two requests of a create end within two
 * minutes, and the rest is for clocks that differ.
 */
const HALF_MADE_MS = 600_000
const ALIAS_ROUNDS = 10
/** What a filter takes as it is. */
const FILTER = /^(?!(?:AND|OR|NOT)$)[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}$/

type MayMove = (holder: number | undefined) => boolean

/**
 * Google Secret Manager. The SDK is loaded by the first call.
 * @throws SecretError `invalid_argument` or `misconfigured` for wrong options
 */
export function gcpDriver(options: GcpOptions): SecretDriver {
  const checked = checkOptions(options)
  const { projectId, region, replication, annotations, versionAlias: alias, confirmReads = false } = checked
  const service = new Service(checked)

  /**
   * Moves the alias, by comparison of the whole secret, since it may have other aliases too. `mayMove` looks at the number that
   * holds it: false leaves it there. `known` is the secret, where its writer has it already.
   */
  const moveAlias = async (path: NativePath, version: number, call: DriverCall, mayMove: MayMove, known?: Fields): Promise<void> => {
    const name = service.name(path)
    for (let round = 1; alias !== undefined; round += 1) {
      const secret = round === 1 && known !== undefined ? known : await service.send('getSecret', { name }, call)
      if (!mayMove(holderOf(secret, alias))) return
      const versionAliases = { ...(secret.versionAliases as object | null), [alias]: version }
      const moved = { name, etag: etagOf(secret), versionAliases }
      try {
        return void (await service.send('updateSecret', { secret: moved, updateMask: { paths: ['version_aliases'] } }, call))
      } catch (error) {
        if (codeOf(error) !== CODE.failedPrecondition || round === ALIAS_ROUNDS) throw error
      }
    }
  }

  /** For a version that is current as soon as it is there. One that is newer may have been faster. */
  const makeCurrent = (path: NativePath, number: number, call: DriverCall, known?: Fields): Promise<void> =>
    withEffect(
      'unknown',
      moveAlias(path, number, call, (holder = 0) => holder < number, known),
    )

  /**
   * The secret where an earlier create ended between its two requests: one with the same token, or one that died. It is claimed
   * by comparison, so that of many who find it one goes on. Undefined for any other secret.
   */
  const takeOver = async (path: NativePath, token: string, labels: object, call: DriverCall): Promise<Fields | undefined> => {
    const name = service.name(path)
    if ((await service.look(path, 1, call)) !== undefined) return undefined
    const secret = await service.send('getSecret', { name }, call)
    const claim = claimOf(secret)
    if (claim === undefined || (claim.token !== token && Date.now() - claim.at < HALF_MADE_MS)) return undefined
    // The one question whose answer is never old.
    if ((await unlessMissing(service.access(path, 1, call))) !== undefined) return undefined
    if (claim.token === token) return secret
    const claimed = { name, etag: etagOf(secret), annotations: { ...labels, [CLAIM]: claimText(token, Date.now()) } }
    return await service.send('updateSecret', { secret: claimed, updateMask: { paths: ['annotations'] } }, call)
  }

  return {
    specification: 'v1',
    kind: 'gcp',
    location: `gcp:${projectId}${region === undefined ? '' : `:${region}`}`,
    capabilities: alias === undefined ? CAPABILITIES : { ...CAPABILITIES, current: 'on_promote' },

    async create({ path, payload, labels, token }, call) {
      if (CLAIM in labels) throw finding('invalid_argument', { hint: `the label ${CLAIM} is the driver's own` })
      // Here, since a refusal after the first request would leave a secret without a version.
      service.checkValue(payload)
      const name = service.name(path)
      const all = { ...annotations, ...labels }
      let secret: Fields | undefined
      try {
        const made = { ...placement(replication, region), annotations: { ...all, [CLAIM]: claimText(token) } }
        secret = await service.send('createSecret', { parent: service.parent, secretId: path, secret: made }, call)
      } catch (error) {
        // Whatever stands in the way of a closer look: there is a secret at the path.
        if (codeOf(error) === CODE.alreadyExists) secret = await takeOver(path, token, all, call).catch(() => undefined)
        if (secret === undefined) throw error
      }
      const number = await withEffect('unknown', service.add(path, payload, call))
      await makeCurrent(path, number, call, secret)
      return { version: idOf(number), fullPath: name }
    },

    async append({ path, payload, staged }, call) {
      const number = await service.add(path, payload, call)
      if (!staged) await makeCurrent(path, number, call)
      return { version: idOf(number) }
    },

    async promote({ path, version, from }, call) {
      if (alias === undefined) return await unsupported()
      await moveAlias(path, numberOfId(version), call, holder => {
        if (holder !== numberOfId(from)) throw finding('conflict')
        return true
      })
    },

    async read({ path, version }, call) {
      const wanted = version === undefined ? alias : numberOfId(version)
      const { payload, number } = wanted === undefined ? await service.newest(path, confirmReads, call) : await service.access(path, wanted, call)
      return { payload, version: idOf(number) }
    },

    async versions({ path, page }, call) {
      const parent = service.name(path)
      const [, current = '', pageToken] = (page === undefined ? null : /^(\d*)\s(.*)$/s.exec(page)) ?? []
      if (pageToken !== undefined) {
        const rest = await service.send('listSecretVersions', { parent, pageSize: PAGE, pageToken }, call)
        return pageOf(path, answers.list(rest.versions), current === '' ? undefined : Number(current), rest)
      }
      // The newest come first. The list may be minutes old, and not know the secret: what is newer is asked for by number.
      const answer = await unlessMissing(service.send('listSecretVersions', { parent, pageSize: PAGE }, call))
      const listed = answers.list(answer?.versions)
      const highest = Math.max(0, ...listed.map(version => numberOf(version, path, 'none')))
      const newer: Fields[] = []
      for (let number = highest + 1; ; number += 1) {
        const found = await service.look(path, number, call)
        if (found === undefined) break
        newer.unshift(found)
      }
      const newest = highest + newer.length
      if (newest === 0) throw finding('not_found')
      const holder = alias === undefined ? newest : holderOf(await service.send('getSecret', { name: parent }, call), alias)
      return pageOf(path, [...newer, ...listed], holder, answer)
    },

    async list({ prefix, withLabels, page }, call) {
      if (!isPrefix(prefix)) return { items: [], next: undefined }
      // It finds the text anywhere in a name, and in any case.
      const filter = FILTER.test(prefix) ? { filter: `name:${prefix}` } : {}
      const request = { parent: service.parent, pageSize: PAGE, ...filter, ...(page === undefined ? {} : { pageToken: page }) }
      const answer = await service.send('listSecrets', request, call)
      const entries = answers.list(answer.secrets).map(secret => entryOf(secret, service.parent, withLabels))
      return { items: entries.filter(({ path }) => path.startsWith(prefix)), next: tokenOf(answer.nextPageToken) }
    },

    async destroyVersion({ path, version }, call) {
      const number = numberOfId(version)
      try {
        await service.send('destroySecretVersion', { name: service.versionName(path, number) }, call)
      } catch (error) {
        if (codeOf(error) !== CODE.failedPrecondition) throw error
        // Refused for one that is destroyed already.
        const found = await service.look(path, number, call)
        if (found !== undefined && versionOf(found, path, undefined).state !== 'destroyed') throw error
      }
    },

    async remove({ path, purge }, call) {
      if (!purge) return await unsupported()
      service.forget(path)
      await unlessMissing(service.send('deleteSecret', { name: service.name(path) }, call))
      return { state: 'gone' }
    },

    readMany: unsupported, // never called where `maxBatch` is 1
    restore: unsupported, // never called where `remove` is `immediate`
    classify,
    close: () => service.close(),
  }
}

function pageOf(path: NativePath, versions: readonly Fields[], current: number | undefined, answer: Fields | undefined): DriverPage<DriverVersion> {
  const token = tokenOf(answer?.nextPageToken)
  // Later pages do not know which version is current, so the token takes it along.
  return { items: versions.map(version => versionOf(version, path, current)), next: token === undefined ? undefined : `${current ?? ''} ${token}` }
}

/** Google's form of where a new secret is kept. */
function placement(replication: GcpReplication = { type: 'automatic' }, region: string | undefined): object {
  const encryption = (kmsKey: string | undefined): object => (kmsKey === undefined ? {} : { customerManagedEncryption: { kmsKeyName: kmsKey } })
  if (replication.type === 'locations') {
    const replicas = replication.locations.map(({ location, kmsKey }) => ({ location, ...encryption(kmsKey) }))
    return { replication: { userManaged: { replicas } } }
  }
  return region === undefined ? { replication: { automatic: encryption(replication.kmsKey) } } : encryption(replication.kmsKey)
}
