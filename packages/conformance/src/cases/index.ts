import type { DriverCase } from '../driver-case.ts'
import { appendCases } from './append.ts'
import { callsCases } from './calls.ts'
import { cancellationCases } from './cancellation.ts'
import { capabilitiesCases } from './capabilities.ts'
import { closeCases } from './close.ts'
import { concurrencyCases } from './concurrency.ts'
import { createCases } from './create.ts'
import { deniedCases } from './denied.ts'
import { destroyCases } from './destroy.ts'
import { effectsCases } from './effects/index.ts'
import { errorsCases } from './errors.ts'
import { faultsCases } from './faults.ts'
import { leaksCases } from './leaks.ts'
import { listCases } from './list.ts'
import { locationCases } from './location.ts'
import { namesCases } from './names.ts'
import { nativePathsCases } from './native-paths.ts'
import { outOfBandCases } from './out-of-band.ts'
import { promoteCases } from './promote.ts'
import { readManyCases } from './read-many.ts'
import { readCases } from './read.ts'
import { removeRestoreCases } from './remove-restore.ts'
import { valuesCases } from './values.ts'
import { versionsCases } from './versions.ts'
import { wireCases } from './wire.ts'

/** Every case of the driver contract, in the order in which they are run. */
export const driverCases: readonly DriverCase[] = [
  ...capabilitiesCases,
  ...locationCases,
  ...createCases,
  ...appendCases,
  ...promoteCases,
  ...readCases,
  ...readManyCases,
  ...versionsCases,
  ...listCases,
  ...destroyCases,
  ...removeRestoreCases,
  ...namesCases,
  ...nativePathsCases,
  ...valuesCases,
  ...errorsCases,
  ...deniedCases,
  ...cancellationCases,
  ...concurrencyCases,
  ...faultsCases,
  ...effectsCases,
  ...wireCases,
  ...callsCases,
  ...outOfBandCases,
  ...leaksCases,
  ...closeCases,
]
