import type { Failure, SecretDriver } from '@strongroom/core'
import { BackendFault, type FaultKind } from '../memory-harness.ts'

/** Classifies one kind of the pretended backend's faults otherwise. */
export function means(kind: FaultKind, change: (failure: Failure) => Failure): (driver: SecretDriver) => SecretDriver {
  return driver => ({
    ...driver,
    classify: error => (error instanceof BackendFault && error.fault === kind ? change(driver.classify(error)) : driver.classify(error)),
  })
}
