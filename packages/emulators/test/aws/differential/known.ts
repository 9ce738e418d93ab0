import type { Disagreement } from './compare.ts'
import { differences, type Difference } from './differences.ts'
import type { Step } from './side.ts'

export function isOf(difference: Difference, step: Step, disagreement: Disagreement): boolean {
  const { shown, in: operations = [shown.at(-1)?.operation], place, says, explains } = difference
  if (operations !== 'any' && !operations.includes(step.operation)) return false
  if (!place.test(disagreement.place)) return false
  if (says !== undefined) return says.emulator === disagreement.emulator && says.moto === disagreement.moto
  return explains?.(disagreement, step) ?? true
}

function explanations(step: Step, disagreement: Disagreement): readonly Difference[] {
  return differences.filter(difference => isOf(difference, step, disagreement))
}

/** What no difference explains. Where answers differ as known, the secrets may differ too. */
export function unexplained(step: Step, found: readonly Disagreement[]): readonly Disagreement[] {
  const parted = found.some(one => one.place.startsWith('answer.') && explanations(step, one).some(({ form }) => form !== true))
  return found.filter(one => explanations(step, one).length === 0 && !(parted && !one.place.startsWith('answer.')))
}

/** Whether more than the form differs: what comes later can differ because of it. */
export function parts(step: Step, found: readonly Disagreement[]): boolean {
  return found.some(one => explanations(step, one).every(({ form }) => form !== true))
}
