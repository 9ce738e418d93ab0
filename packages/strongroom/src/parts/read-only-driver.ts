import { DriverFinding, refused, type SecretDriver } from '@strongroom/core/driver-support'

class WriteRefused extends DriverFinding {}

/** The driver of a store that the configuration calls `readOnly`: whoever is given it, registry and migrator too, cannot write there. */
export function readOnlyDriver(driver: SecretDriver): SecretDriver {
  const { specification, kind, location, capabilities } = driver
  const refuse = async (): Promise<never> => {
    throw new WriteRefused(refused('misconfigured', { hint: 'the configuration says readOnly of this store' }))
  }
  return {
    specification,
    kind,
    location,
    capabilities,
    create: refuse,
    append: refuse,
    promote: refuse,
    destroyVersion: refuse,
    remove: refuse,
    restore: refuse,
    read: (request, call) => driver.read(request, call),
    readMany: (request, call) => driver.readMany(request, call),
    versions: (request, call) => driver.versions(request, call),
    list: (request, call) => driver.list(request, call),
    classify: error => (error instanceof WriteRefused ? error.failure : driver.classify(error)),
    close: () => driver.close(),
  }
}
