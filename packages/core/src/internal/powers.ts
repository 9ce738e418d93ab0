import type { SecretDriver } from '../driver.ts'
import type { ReadOnlyDriver } from '../reader.ts'
import type { WriteOnlyDriver } from '../registry.ts'

/** What a face can do to a cloud. The view leaves the other methods behind at run time, not only in the types. */
export interface Power<D> {
  readonly methods: readonly string[]
  readonly view: (driver: D) => D
}

export const WRITING: Power<WriteOnlyDriver> = {
  methods: ['create', 'append', 'promote', 'versions', 'list', 'destroyVersion', 'remove', 'restore', 'classify', 'close'],
  view: driver => ({
    ...identity(driver),
    create: (request, call) => driver.create(request, call),
    append: (request, call) => driver.append(request, call),
    promote: (request, call) => driver.promote(request, call),
    versions: (request, call) => driver.versions(request, call),
    list: (request, call) => driver.list(request, call),
    destroyVersion: (request, call) => driver.destroyVersion(request, call),
    remove: (request, call) => driver.remove(request, call),
    restore: (request, call) => driver.restore(request, call),
  }),
}

export const READING: Power<ReadOnlyDriver> = {
  methods: ['read', 'readMany', 'classify', 'close'],
  view: driver => ({
    ...identity(driver),
    read: (request, call) => driver.read(request, call),
    readMany: (request, call) => driver.readMany(request, call),
  }),
}

export const READING_AND_WRITING: Power<SecretDriver> = {
  methods: [...new Set([...WRITING.methods, ...READING.methods])],
  view: driver => driver,
}

type Identity = Pick<SecretDriver, 'specification' | 'kind' | 'location' | 'capabilities' | 'classify' | 'close'>

function identity(driver: Identity): Identity {
  const { specification, kind, location, capabilities } = driver
  return { specification, kind, location, capabilities, classify: error => driver.classify(error), close: () => driver.close() }
}
