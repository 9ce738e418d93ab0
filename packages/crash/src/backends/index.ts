import { aws, moto } from './aws.ts'
import { azure } from './azure.ts'
import type { Backend } from './backend.ts'
import { gcp } from './gcp.ts'
import { local } from './local.ts'
import { openbao, vault } from './vault.ts'

export const backends: readonly Backend[] = [local, aws, gcp, azure, vault, openbao, moto]

export function backendOf(name: string): Backend {
  const found = backends.find(backend => backend.name === name)
  if (found === undefined) throw new RangeError(`backends are ${backends.map(backend => backend.name).join(', ')}`)
  return found
}
