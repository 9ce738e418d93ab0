import { setTimeout as delay } from 'node:timers/promises'
import { memoryDriver, type DriverCapabilities, type Failure, type SecretDriver } from '@strongroom/core'
import type { DriverHarness, Hook, StartHarness, WireFault } from '@strongroom/conformance'

const PAGE = 7
const SLOW_MS = 200

export type FaultKind = 'throttled' | 'lost' | 'denied' | 'broken' | 'refused' | 'aborted'

/** What the pretended backend answers instead of the memory driver. */
export class BackendFault extends Error {
  readonly fault: FaultKind
  readonly retryAfterMs: number | undefined
  constructor(fault: FaultKind, retryAfterMs?: number) {
    super(fault)
    this.fault = fault
    this.retryAfterMs = retryAfterMs
  }
}

/** A wire with faults between the memory driver, which is the backend here, and the adapters on it. */
interface Wire {
  requests: number
  throttled: number
  retryAfterMs: number
  loseNext: boolean
  stallNext: boolean
  bad: { readonly fault: WireFault; left: number; passing: number }
}

export interface MemoryHarnessOptions {
  readonly capabilities?: Partial<DriverCapabilities>
  readonly without?: readonly Hook[]
  /** Makes a faulty adapter of a good one; `backend` is the memory driver behind the wire. */
  readonly mutate?: (driver: SecretDriver, backend: SecretDriver, wire: Wire) => SecretDriver
}

const QUIET = { requests: 0, throttled: 0, retryAfterMs: 0, loseNext: false, stallNext: false }
let places = 0

/** The memory driver with every hook of the kit. */
export function memoryHarness(options: MemoryHarnessOptions = {}): StartHarness {
  const { without = [], mutate = driver => driver } = options
  return async () => {
    places += 1
    const name = `place-${places}`
    const backend = smallPages(memoryDriver({ name, ...(options.capabilities === undefined ? {} : { capabilities: options.capabilities }) }))
    const wire: Wire = { ...QUIET, bad: { fault: 'reset', left: 0, passing: 0 } }
    const adapter = (may: (operation: string) => boolean): SecretDriver => mutate(wired(backend, wire, may), backend, wire)
    const call = { signal: new AbortController().signal, attempt: 1 }
    const harness: DriverHarness = {
      driver: adapter(() => true),
      second: adapter(() => true),
      denied: adapter(() => false),
      manageOnly: adapter(operation => !operation.startsWith('read')),
      outOfBand: {
        read: async path => {
          try {
            return (await backend.read({ path, version: undefined }, call)).payload.bytes
          } catch {
            return undefined
          }
        },
        write: async (path, bytes) => {
          await backend.append({ path, payload: { bytes, text: true }, token: 'out-of-band', after: undefined, staged: false }, call)
        },
      },
      faults: {
        loseNextResponse: async () => void (wire.loseNext = true),
        throttleNext: async (count, retryAfterMs) => void Object.assign(wire, { throttled: count, retryAfterMs }),
        requests: async () => wire.requests,
        stallNext: async () => void (wire.stallNext = true),
        wire: async (fault, count, after = 0) => void (wire.bad = { fault, left: count, passing: after }),
      },
      unreachable: mutate(nowhere(backend), backend, wire),
      dispose: async () => {},
    }
    return { ...harness, ...Object.fromEntries(without.map(hook => [hook, undefined])) }
  }
}

function wired(backend: SecretDriver, wire: Wire, may: (operation: string) => boolean): SecretDriver {
  const sent = async <Answer>(operation: string, signal: AbortSignal, work: () => Promise<Answer>): Promise<Answer> => {
    signal.throwIfAborted()
    wire.requests += 1
    await new Promise(resolve => setImmediate(resolve)) // a wire takes its time, so that races are races
    if (wire.throttled > 0) {
      wire.throttled -= 1
      throw new BackendFault('throttled', wire.retryAfterMs)
    }
    if (!may(operation)) throw new BackendFault('denied')
    const fault = wire.bad.passing <= 0 && wire.bad.left > 0 ? wire.bad.fault : undefined
    if (wire.bad.passing > 0) wire.bad.passing -= 1
    else wire.bad.left -= 1
    if (fault === 'throttle') throw new BackendFault('throttled', 0)
    if (fault === 'reset' || fault === 'html' || fault === 'html_ok' || fault === 'server_error') throw new BackendFault('broken')
    if (wire.stallNext || fault === 'stall') {
      wire.stallNext = false
      signal.throwIfAborted() // who aborts while the request is on its way has no listener yet
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }))
    }
    const lose = wire.loseNext || fault === 'lose' || fault === 'cut'
    wire.loseNext = false
    try {
      const answer = await work()
      if (fault === 'slow') await unlessAborted(SLOW_MS, signal)
      return answer
    } finally {
      // oxlint-disable-next-line no-unsafe-finally -- an answer and a refusal are lost alike
      if (lose) throw new BackendFault('lost')
    }
  }
  return {
    ...backend,
    create: (request, call) => sent('create', call.signal, () => backend.create(request, call)),
    append: (request, call) => sent('append', call.signal, () => backend.append(request, call)),
    promote: (request, call) => sent('promote', call.signal, () => backend.promote(request, call)),
    read: (request, call) => sent('read', call.signal, () => backend.read(request, call)),
    readMany: (request, call) => sent('readMany', call.signal, () => backend.readMany(request, call)),
    versions: (request, call) => sent('versions', call.signal, () => backend.versions(request, call)),
    list: (request, call) => sent('list', call.signal, () => backend.list(request, call)),
    destroyVersion: (request, call) => sent('destroyVersion', call.signal, () => backend.destroyVersion(request, call)),
    remove: (request, call) => sent('remove', call.signal, () => backend.remove(request, call)),
    restore: (request, call) => sent('restore', call.signal, () => backend.restore(request, call)),
    classify: error => (isBackendFault(error) ? meaningOf(error) : backend.classify(error)),
  }
}

/** A request that the backend has may have been applied, whoever gives up on it. */
async function unlessAborted(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal })
  } catch {
    throw new BackendFault('aborted')
  }
}

/** A driver whose requests find nobody. */
function nowhere(backend: SecretDriver): SecretDriver {
  const refused = async (): Promise<never> => await Promise.reject(new BackendFault('refused'))
  const calls = { create: refused, append: refused, promote: refused, read: refused, readMany: refused, versions: refused, list: refused }
  return {
    ...wired(backend, { ...QUIET, bad: { fault: 'reset', left: 0, passing: 0 } }, () => true),
    ...calls,
    destroyVersion: refused,
    remove: refused,
    restore: refused,
  }
}

/** Even `instanceof` throws for a proxy that does not want to be looked at. */
function isBackendFault(error: unknown): error is BackendFault {
  try {
    return error instanceof BackendFault
  } catch {
    return false
  }
}

function meaningOf({ fault, retryAfterMs }: BackendFault): Failure {
  if (fault === 'throttled') return { code: 'throttled', retryable: true, effect: 'none', retryAfterMs }
  if (fault === 'refused') return { code: 'unavailable', retryable: true, effect: 'none' }
  if (fault === 'lost' || fault === 'broken') return { code: 'unavailable', retryable: true, effect: 'unknown' }
  if (fault === 'aborted') return { code: 'aborted', retryable: false, effect: 'unknown' }
  return { code: 'permission_denied', retryable: false, effect: 'none' }
}

/** The memory driver's pages are long; short ones make every case turn a page. Its tokens are the last path, and a position. */
function smallPages(driver: SecretDriver): SecretDriver {
  return {
    ...driver,
    list: async (request, call) => {
      const { items, next } = await driver.list(request, call)
      const page = items.slice(0, PAGE)
      return { items: page, next: items.length > PAGE || next !== undefined ? page.at(-1)?.path : undefined }
    },
    versions: async (request, call) => {
      const { items, next } = await driver.versions(request, call)
      const more = items.length > PAGE || next !== undefined
      return { items: items.slice(0, PAGE), next: more ? String(Number(request.page ?? 0) + PAGE) : undefined }
    },
  }
}
