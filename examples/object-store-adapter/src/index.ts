import { SecretError, type DriverCall, type NativePath, type Payload, type SecretDriver, type VersionId } from '@strongroom/core'
import { refused } from '@strongroom/core/driver-support'
import { classify, StoreFailure } from './classify.ts'
import { Bucket, type Item, type Sign, type Tags } from './client.ts'

export type { Sign } from './client.ts'

export interface ObjectStoreOptions {
  /** Where the store answers, such as `https://s3.eu-west-1.amazonaws.com`. */
  readonly endpoint: string
  /** A bucket that keeps no old versions. */
  readonly bucket: string
  readonly sign?: Sign | undefined
}

const FIRST = '00000001' as VersionId
const LAST = '99999999'
/** A key has 1,024 bytes, and 9 of them are the version's. */
const MAX_PATH = 1_015
const TOKEN = 'strongroom.token'
const EMPTY: Payload = { bytes: new Uint8Array(), text: false }
/** Objects a page where the tags of each are asked for too. */
const TAGGED_PAGE = '50'

interface Version extends Item {
  readonly id: VersionId
}

/**
 * An S3-like object store: the object `<path>/<number of 8 digits>` is a version, and an empty one is a version that was
 * destroyed. An example: values are NOT encrypted by it.
 * @throws SecretError `invalid_argument` for wrong options
 */
export function objectStoreDriver({ endpoint, bucket: name, sign }: ObjectStoreOptions): SecretDriver {
  const url = `${checkEndpoint(endpoint)}/${checkBucket(name)}`
  const bucket = new Bucket(url, sign)

  const page = async (path: NativePath, query: Tags, call: DriverCall): Promise<{ items: readonly Version[]; next: string | undefined }> => {
    const prefix = folderOf(path)
    const { items, next } = await bucket.list({ prefix, delimiter: '/', ...query }, call)
    const versions = items.map(item => ({ ...item, id: item.key.slice(prefix.length) as VersionId }))
    return { items: versions.filter(({ id }) => isVersion(id)), next }
  }
  const all = async (path: NativePath, call: DriverCall): Promise<readonly Version[]> => {
    const found: Version[] = []
    let next: string | undefined
    do {
      const answer = await page(path, pageOf(next), call)
      found.push(...answer.items)
      next = answer.next
    } while (next !== undefined)
    return found
  }
  /** A secret is there as long as its first version is: that one is made first and removed last. */
  const newest = async (path: NativePath, call: DriverCall): Promise<VersionId> => {
    const versions = await all(path, call)
    if (versions[0]?.id !== FIRST) throw fail('not_found')
    return versions.at(-1)?.id ?? FIRST
  }
  /** Overwrites a version with nothing: its number stays taken, its tags stay. False when it is not there. */
  const erase = async (key: string, call: DriverCall): Promise<boolean> => {
    const tags = await bucket.tags(key, call)
    if (tags !== undefined) await bucket.put(key, EMPTY, tags, true, call)
    return tags !== undefined
  }

  const fullPathOf = (folder: string): string => `s3://${name}/${folder}`

  return {
    specification: 'v1',
    kind: 'object-store',
    location: `object-store:${url}`,
    capabilities: {
      maxPathLength: MAX_PATH,
      maxValueBytes: { text: 1_000_000, binary: 1_000_000 },
      maxBatch: 1,
      create: 'atomic',
      appendAfter: 'compared',
      current: 'on_append',
      versionProof: 'token',
      destroyVersion: 'erased',
      remove: 'immediate',
      textForm: 'kept',
    },

    async create({ path, payload, labels, token }, call) {
      const folder = folderOf(path)
      const made = { version: FIRST, fullPath: fullPathOf(folder) }
      const [oldest] = (await page(path, {}, call)).items
      if (oldest === undefined) {
        try {
          await bucket.put(folder + FIRST, payload, { ...labels, [TOKEN]: token }, false, call)
          return made
        } catch (error) {
          if (!isTaken(error)) throw error
        }
      } else if (oldest.id !== FIRST) throw fail('name_held', { hint: 'an append that raced a purge left a version behind: purge again' })
      const tags = await bucket.tags(folder + FIRST, call)
      if (tags === undefined) throw fail('conflict', { retryable: true }) // purged in between
      if (tags[TOKEN] !== token) throw fail('already_exists')
      return made
    },

    async append({ path, payload, token, after }, call) {
      for (;;) {
        const before = await newest(path, call)
        if (after !== undefined && after !== before) throw fail('conflict')
        if (before === LAST) throw fail('quota_exceeded')
        const version = String(Number(before) + 1).padStart(8, '0') as VersionId
        try {
          await bucket.put(folderOf(path) + version, payload, { [TOKEN]: token }, false, call)
          return { version }
        } catch (error) {
          if (after !== undefined || !isTaken(error)) throw error // else another writer has this number, and the next one is ours
        }
      }
    },

    async read({ path, version }, call) {
      const folder = folderOf(path)
      const id = version ?? (await newest(path, call))
      if (!isVersion(id)) throw fail('not_found')
      const payload = await bucket.get(folder + id, call)
      if (payload.bytes.byteLength === 0) throw fail('version_unusable')
      return { payload, version: id }
    },

    async versions({ path, page: token }, call) {
      const { items, next } = await page(path, { 'max-keys': TAGGED_PAGE, ...pageOf(token) }, call)
      const [oldest] = items
      if (token === undefined && oldest === undefined) throw fail('not_found')
      // Without a first version these are what a purge has missed: listed, so that somebody can purge them, and nobody's current.
      const stray = token === undefined && oldest?.id !== FIRST
      const last = next === undefined && !stray ? items.at(-1)?.id : undefined
      const versions = items.map(async ({ key, id, size, at }) => ({
        version: id,
        createdAt: size === 0 ? undefined : at, // an erased object is dated when it was erased
        state: size === 0 ? ('destroyed' as const) : ('usable' as const),
        current: id === last,
        token: size === 0 ? undefined : (await bucket.tags(key, call))?.[TOKEN],
      }))
      return { items: await Promise.all(versions), next }
    },

    async list({ prefix, withLabels, page: token }, call) {
      const size: Tags = withLabels ? { 'max-keys': TAGGED_PAGE } : {}
      const { items, next } = await bucket.list({ prefix, ...size, ...pageOf(token) }, call)
      const firsts = items.filter(({ key }) => key.endsWith(`/${FIRST}`) && key.length - FIRST.length > prefix.length)
      const entries = firsts.map(async ({ key, size, at }) => ({
        path: key.slice(0, -FIRST.length - 1) as NativePath,
        fullPath: fullPathOf(key.slice(0, -FIRST.length)),
        createdAt: size === 0 ? undefined : at,
        updatedAt: undefined,
        labels: withLabels ? labelsOf(await bucket.tags(key, call)) : undefined,
      }))
      return { items: await Promise.all(entries), next }
    },

    async destroyVersion({ path, version }, call) {
      const folder = folderOf(path)
      if (isVersion(version)) await erase(folder + version, call)
    },

    /**
     * Oldest first, so that an older value never becomes the newest; but the first version, which keeps the name taken, is
     * erased at the beginning and goes at the end. Cut off anywhere, it can be repeated.
     */
    async remove({ path, purge }, call) {
      if (!purge) throw fail('unsupported')
      const [first, ...later] = await all(path, call)
      if (first === undefined) return { state: 'gone' }
      let written = false
      try {
        if (later.length > 0 && first.size > 0) written = await erase(first.key, call)
        for (const { key } of [...later, first]) {
          await bucket.remove(key, call)
          written = true
        }
        const left = await page(path, {}, call) // of an append meanwhile
        return left.items.length === 0 ? { state: 'gone' } : { state: 'pending', retryAfterMs: 0 }
      } catch (error) {
        throw written ? new StoreFailure({ ...classify(error), effect: 'unknown' }, error) : error
      }
    },

    promote: async () => Promise.reject(fail('unsupported')),
    readMany: async () => Promise.reject(fail('unsupported')),
    restore: async () => Promise.reject(fail('unsupported')),
    classify,
    close: async () => {}, // fetch's connections are the process's
  }
}

/**
 * What the objects of a secret have before the version. A URL drops segments of dots, an answer in XML cannot hold control characters,
 * and half a character becomes another one: each would lead to another secret.
 */
function folderOf(path: NativePath): string {
  const parts = path.split('/')
  if (path.isWellFormed() && Buffer.byteLength(path) <= MAX_PATH && !/\p{Cc}/u.test(path) && !parts.includes('.') && !parts.includes('..'))
    return `${path}/`
  throw fail('invalid_argument', { hint: `a path has at most ${MAX_PATH} bytes, no control characters and no segments of dots` })
}

function isVersion(id: string): boolean {
  return /^\d{8}$/.test(id)
}

function isTaken(error: unknown): boolean {
  const { code, retryable } = classify(error)
  return code === 'conflict' && !retryable
}

function pageOf(token: string | undefined): Tags {
  return token === undefined ? {} : { 'continuation-token': token }
}

/** None where the object has gone in between. */
function labelsOf({ [TOKEN]: _, ...labels }: Tags = {}): Tags {
  return labels
}

function fail(...failure: Parameters<typeof refused>): StoreFailure {
  return new StoreFailure(refused(...failure))
}

function checkEndpoint(endpoint: unknown): string {
  const { protocol = '', username, password, search, hash, href = '' } = URL.parse(String(endpoint)) ?? {}
  if (/^https?:$/.test(protocol) && !username && !password && !search && !hash) return href.replace(/\/+$/, '')
  throw SecretError.invalid('objectStoreDriver', 'endpoint is an http or https URL without user, query and fragment')
}

function checkBucket(bucket: unknown): string {
  if (typeof bucket === 'string' && /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) return bucket
  throw SecretError.invalid('objectStoreDriver', 'bucket is 3 to 63 of a-z 0-9 . -, a letter or digit at both ends')
}
