import { crypto } from './internal/crypto.ts'
import type { DriverCapabilities, DriverVersion, Payload, SecretDriver } from './driver.ts'
import type { SecretErrorCode } from './errors.ts'
import type { NativePath, VersionId } from './words.ts'

/** What a store in memory is called, and which backend it behaves like. */
export interface MemoryDriverOptions {
  /** Tells two memory stores apart in `location`. Random by default. */
  readonly name?: string
  /** Behave like a backend with these; for tests of code that must work on every cloud. */
  readonly capabilities?: Partial<DriverCapabilities>
}

interface Version {
  readonly id: VersionId
  readonly token: string
  readonly createdAt: Date
  payload: Payload | undefined
  state: DriverVersion['state']
}

interface Secret {
  readonly labels: Readonly<Record<string, string>>
  readonly versions: Version[]
  current: VersionId
  removed: boolean
}

class MemoryFailure extends Error {
  readonly code: SecretErrorCode
  constructor(code: SecretErrorCode) {
    super(code)
    this.code = code
  }
}

const DEFAULTS: DriverCapabilities = {
  maxPathLength: 512,
  maxValueBytes: { text: 65_536, binary: 65_536 },
  maxBatch: 20,
  create: 'atomic',
  appendAfter: 'compared',
  current: 'on_promote',
  versionProof: 'token',
  destroyVersion: 'erased',
  remove: 'recoverable',
  textForm: 'kept',
}
const PAGE = 100

/** A driver that keeps everything in this process. For tests and for trying things out: what it holds ends with the process. */
export function memoryDriver(options: MemoryDriverOptions = {}): SecretDriver {
  const capabilities: DriverCapabilities = { ...DEFAULTS, ...options.capabilities }
  const secrets = new Map<NativePath, Secret>()

  const find = (path: NativePath): Secret => {
    const secret = secrets.get(path)
    if (secret === undefined || secret.removed) throw new MemoryFailure('not_found')
    return secret
  }
  const add = (secret: Secret, payload: Payload, token: string): VersionId => {
    const id = String(secret.versions.length + 1) as VersionId
    secret.versions.push({ id, token, createdAt: new Date(), payload: copy(payload), state: 'usable' })
    return id
  }
  const readVersion = (path: NativePath, version: VersionId | undefined): { payload: Payload; version: VersionId } => {
    const secret = find(path)
    const id = version ?? secret.current
    const found = secret.versions.find(candidate => candidate.id === id)
    if (found === undefined) throw new MemoryFailure('not_found')
    if (found.payload === undefined || found.state === 'disabled') throw new MemoryFailure('version_unusable')
    const payload = copy(found.payload)
    return { payload: capabilities.textForm === 'kept' ? payload : { ...payload, text: isText(payload.bytes) }, version: id }
  }

  return {
    specification: 'v1',
    kind: 'memory',
    location: `memory:${options.name ?? crypto().randomUUID()}`,
    capabilities,

    async create({ path, payload, labels, token }, { signal }) {
      signal.throwIfAborted()
      const old = secrets.get(path)
      if (old !== undefined) {
        const first = old.versions[0]
        if (capabilities.versionProof === 'token' && !old.removed && first?.token === token) return { version: first.id, fullPath: path }
        throw new MemoryFailure(old.removed ? 'name_held' : 'already_exists')
      }
      const secret: Secret = { labels: { ...labels }, versions: [], current: '1' as VersionId, removed: false }
      const version = add(secret, payload, token)
      secrets.set(path, secret)
      return { version, fullPath: path }
    },

    async append({ path, payload, token, after, staged }, { signal }) {
      signal.throwIfAborted()
      const secret = find(path)
      if (capabilities.appendAfter === 'compared' && after !== undefined && after !== secret.versions.at(-1)?.id) throw new MemoryFailure('conflict')
      const version = add(secret, payload, token)
      if (!(staged && capabilities.current === 'on_promote')) secret.current = version
      return { version }
    },

    async promote({ path, version, from }, { signal }) {
      signal.throwIfAborted()
      const secret = find(path)
      if (secret.current !== from) throw new MemoryFailure('conflict')
      if (!secret.versions.some(candidate => candidate.id === version)) throw new MemoryFailure('not_found')
      secret.current = version
    },

    async read({ path, version }, { signal }) {
      signal.throwIfAborted()
      return readVersion(path, version)
    },

    async readMany({ paths }, { signal }) {
      signal.throwIfAborted()
      return paths.map(path => {
        try {
          return { path, ...readVersion(path, undefined) }
        } catch (error) {
          return { path, failure: classify(error) }
        }
      })
    },

    async versions({ path, page }, { signal }) {
      signal.throwIfAborted()
      const secret = find(path)
      const from = page === undefined ? 0 : Number(page)
      const items = secret.versions.slice(from, from + PAGE).map((version): DriverVersion => ({
        version: version.id,
        createdAt: version.createdAt,
        state: version.state,
        current: version.id === secret.current,
        token: capabilities.versionProof === 'token' ? version.token : undefined,
      }))
      return { items, next: from + PAGE < secret.versions.length ? String(from + PAGE) : undefined }
    },

    async list({ prefix, withLabels, page }, { signal }) {
      signal.throwIfAborted()
      // The page token is the last path seen, so that pages stay whole while others write.
      const paths = [...secrets].filter(([path, secret]) => !secret.removed && path.startsWith(prefix) && (page === undefined || path > page))
      const sorted = paths.toSorted(([a], [b]) => (a < b ? -1 : 1))
      const items = sorted.slice(0, PAGE).map(([path, secret]) => ({
        path,
        fullPath: path,
        createdAt: secret.versions[0]?.createdAt,
        updatedAt: secret.versions.at(-1)?.createdAt,
        labels: withLabels ? { ...secret.labels } : undefined,
      }))
      return { items, next: sorted.length > PAGE ? items.at(-1)?.path : undefined }
    },

    async destroyVersion({ path, version }, { signal }) {
      signal.throwIfAborted()
      const secret = find(path)
      if (capabilities.destroyVersion === 'detached' && secret.current === version) throw new MemoryFailure('conflict')
      const found = secret.versions.find(candidate => candidate.id === version)
      if (found === undefined) return
      found.state = capabilities.destroyVersion === 'blocked' ? 'disabled' : 'destroyed'
      if (capabilities.destroyVersion === 'erased') {
        found.payload?.bytes.fill(0)
        found.payload = undefined
      }
    },

    async remove({ path, purge }, { signal }) {
      signal.throwIfAborted()
      const secret = secrets.get(path)
      if (purge) {
        secrets.delete(path)
        return { state: 'gone' }
      }
      if (secret === undefined || secret.removed) throw new MemoryFailure('not_found')
      secret.removed = true
      return { state: 'retained', until: undefined }
    },

    async restore({ path }, { signal }) {
      signal.throwIfAborted()
      const secret = secrets.get(path)
      if (secret === undefined || !secret.removed) throw new MemoryFailure('not_found')
      secret.removed = false
    },

    classify,
    async close() {},
  }
}

function classify(error: unknown): { code: SecretErrorCode; retryable: boolean; effect: 'none' | 'unknown' } {
  try {
    if (error instanceof MemoryFailure) return { code: error.code, retryable: false, effect: 'none' }
    if (error instanceof Error && error.name === 'AbortError') return { code: 'aborted', retryable: false, effect: 'none' }
  } catch {
    // An error whose getters throw is one that is not known.
  }
  return { code: 'unknown', retryable: false, effect: 'unknown' }
}

function isText(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

function copy(payload: Payload): Payload {
  return { bytes: payload.bytes.slice(), text: payload.text }
}
