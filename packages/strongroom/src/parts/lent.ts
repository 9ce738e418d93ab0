import type { MetadataStore, SecretDriver } from '@strongroom/core'

/** A driver for whoever may close what was made of it: the driver itself stays open for the others. */
export function lentDriver(driver: SecretDriver): SecretDriver {
  const { specification, kind, location, capabilities } = driver
  return {
    specification,
    kind,
    location,
    capabilities,
    create: (request, call) => driver.create(request, call),
    append: (request, call) => driver.append(request, call),
    promote: (request, call) => driver.promote(request, call),
    read: (request, call) => driver.read(request, call),
    readMany: (request, call) => driver.readMany(request, call),
    versions: (request, call) => driver.versions(request, call),
    list: (request, call) => driver.list(request, call),
    destroyVersion: (request, call) => driver.destroyVersion(request, call),
    remove: (request, call) => driver.remove(request, call),
    restore: (request, call) => driver.restore(request, call),
    classify: error => driver.classify(error),
    close: async () => {},
  }
}

/** The same of a database; `onReturn` is told when it is given back. */
export function lentMetadata(metadata: MetadataStore, onReturn: () => void): MetadataStore {
  return { ...metadata, close: async () => onReturn() }
}
