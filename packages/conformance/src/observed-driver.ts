import type { SecretDriver } from '@strongroom/core'

/** The calls of a driver that reach the backend. */
export type DriverOperation = 'create' | 'append' | 'promote' | 'read' | 'readMany' | 'versions' | 'list' | 'destroyVersion' | 'remove' | 'restore'
export const driverOperations: readonly DriverOperation[] = [
  'create',
  'append',
  'promote',
  'read',
  'readMany',
  'versions',
  'list',
  'destroyVersion',
  'remove',
  'restore',
]

export interface DriverRequest {
  readonly operation: DriverOperation
  readonly request: unknown
}

/** A driver around another: `before` is told of each request first, and can hold it back or refuse it. */
export function observedDriver(driver: SecretDriver, before: (request: DriverRequest) => undefined | Promise<void>): SecretDriver {
  const after = <Answer>(operation: DriverOperation, request: unknown, work: () => Promise<Answer>): Promise<Answer> => {
    // Nothing is awaited that need not be, so that a driver which throws at once is seen to do so.
    const held = before({ operation, request })
    return held === undefined ? work() : held.then(work)
  }
  return {
    specification: driver.specification,
    get kind() {
      return driver.kind
    },
    get location() {
      return driver.location
    },
    get capabilities() {
      return driver.capabilities
    },
    create: (request, call) => after('create', request, () => driver.create(request, call)),
    append: (request, call) => after('append', request, () => driver.append(request, call)),
    promote: (request, call) => after('promote', request, () => driver.promote(request, call)),
    read: (request, call) => after('read', request, () => driver.read(request, call)),
    readMany: (request, call) => after('readMany', request, () => driver.readMany(request, call)),
    versions: (request, call) => after('versions', request, () => driver.versions(request, call)),
    list: (request, call) => after('list', request, () => driver.list(request, call)),
    destroyVersion: (request, call) => after('destroyVersion', request, () => driver.destroyVersion(request, call)),
    remove: (request, call) => after('remove', request, () => driver.remove(request, call)),
    restore: (request, call) => after('restore', request, () => driver.restore(request, call)),
    classify: error => driver.classify(error),
    close: () => driver.close(),
  }
}

/** A driver that remembers what it was asked, in order; closing it leaves the driver inside open. */
export interface RecordingDriver {
  readonly driver: SecretDriver
  readonly requests: DriverRequest[]
}

export function recordingDriver(inner: SecretDriver): RecordingDriver {
  const requests: DriverRequest[] = []
  const driver = observedDriver(inner, request => {
    requests.push(request)
    return undefined
  })
  return { driver: { ...driver, close: async () => {} }, requests }
}
