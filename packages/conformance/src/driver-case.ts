import type { DriverCapabilities } from '@strongroom/core'
import type { CaseContext } from './case-context.ts'
import { hookNames, type DriverHarness, type Hook } from './harness.ts'

/** What must be there for a case to say anything: a hook, or a capability with a value (`maxBatch` also with `>1`). */
export type Need = Hook | `capability:${keyof DriverCapabilities}=${string}` | 'capability:maxBatch>1'

/** One sentence of the contract as data: any runner can run it. */
export interface DriverCase {
  /** `area/what-holds`, stable: reports and deviations name it. */
  readonly id: string
  readonly title: string
  readonly needs: readonly Need[]
  /** Rejects when the driver breaks the sentence. */
  run(context: CaseContext): Promise<void>
}

/** Why a case says nothing about this backend; undefined when it does. */
export function whyNot({ needs }: DriverCase, harness: DriverHarness): { readonly hook: Hook | undefined; readonly reason: string } | undefined {
  for (const need of needs) {
    if (isHook(need)) {
      if (harness[need] === undefined) return { hook: need, reason: `the harness has no ${need} hook` }
    } else if (!hasCapability(need, harness.driver.capabilities)) {
      return { hook: undefined, reason: `applies only with ${need}` }
    }
  }
  return undefined
}

export function isHook(need: Need): need is Hook {
  return hookNames.some(hook => hook === need)
}

function hasCapability(need: string, capabilities: DriverCapabilities): boolean {
  if (need === 'capability:maxBatch>1') return capabilities.maxBatch > 1
  const [field, value] = need.slice('capability:'.length).split('=')
  const actual = capabilities[field as keyof DriverCapabilities]
  return typeof actual !== 'object' && String(actual) === value
}
