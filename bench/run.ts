// All benchmarks, as one table. The packages must be built: the import is measured as it is published.
import { awsGet } from './aws-get.ts'
import { gets } from './get.ts'
import { importCore } from './import-core.ts'
import { print } from './measure.ts'

// One after the other, so that none slows the other.
const imported = await importCore()
print([...(await awsGet()), ...(await gets()), imported])
