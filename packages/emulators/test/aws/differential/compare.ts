import type { Outcome } from './side.ts'

/** A place where two outcomes differ, such as `answer.error` or `described.VersionIdsToStages`. */
export interface Disagreement {
  readonly place: string
  readonly emulator: unknown
  readonly moto: unknown
}

/** Where the outcomes of a step differ: its answer, then what the secret looks like afterwards. */
export function disagreements(emulator: Outcome, moto: Outcome): readonly Disagreement[] {
  return Object.keys(emulator).flatMap(part => {
    const ours = emulator[part] as Outcome
    const theirs = moto[part] as Outcome
    if ('error' in ours || 'error' in theirs) {
      return said(ours) === said(theirs) ? [] : [{ place: `${part}.error`, emulator: said(ours), moto: said(theirs) }]
    }
    return compared(part, ours, theirs)
  })
}

function compared(place: string, emulator: unknown, moto: unknown): readonly Disagreement[] {
  if (JSON.stringify(emulator) === JSON.stringify(moto)) return []
  if (isOutcome(emulator) && isOutcome(moto) && !place.endsWith('Stages')) {
    const members = new Set([...Object.keys(emulator), ...Object.keys(moto)])
    return [...members].flatMap(member => compared(`${place}.${member}`, emulator[member], moto[member]))
  }
  if (areSameItems(emulator, moto)) return (emulator as unknown[]).flatMap((item, index) => compared(place, item, (moto as unknown[])[index]))
  return [{ place, emulator, moto }]
}

/** Lists of the same secrets, or of the same versions, are compared item by item. */
function areSameItems(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false
  return one.every((item: unknown, index) => {
    const same: unknown = other[index]
    return isOutcome(item) && isOutcome(same) && idOf(item) !== undefined && idOf(item) === idOf(same)
  })
}

function idOf({ Name, VersionId, SecretId }: Outcome): unknown {
  return Name ?? VersionId ?? SecretId
}

function isOutcome(value: unknown): value is Outcome {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function said(outcome: Outcome): unknown {
  return outcome['error'] ?? 'success'
}
