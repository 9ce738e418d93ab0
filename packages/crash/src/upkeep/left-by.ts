import type { Attempt } from '../invariants.ts'
import { ACTORS, KEYS, type Job } from '../messages.ts'
import { isOfCreation, isReconcile, meddlingOf, type UpkeepOperation } from './operations.ts'

/** What had been tried before the upkeep that is played: the write that was left, and the update that a repair is. */
export function leftBy(operation: UpkeepOperation, { values }: Job): readonly Attempt[] {
  const change = { actor: ACTORS.child, key: KEYS.old, value: values.after, description: 'after' } as const
  const repair: readonly Attempt[] = isReconcile(operation) ? [repairBy(ACTORS.mender)] : []
  // What an outsider did is no write of this library's, and is never committed.
  if (meddlingOf(operation) !== undefined)
    return [{ ...change, actor: ACTORS.outsider, action: 'secret.update', told: 'nothing happened' }, ...repair]
  if (isOfCreation(operation)) return [{ ...change, action: 'secret.create', key: KEYS.new, told: 'not certain' }, ...repair]
  if (operation === 'maintain a promote') return [{ actor: ACTORS.child, action: 'secret.rollback', key: KEYS.old, told: 'done' }]
  if (operation === 'maintain a purge') return [{ actor: ACTORS.child, action: 'secret.delete', key: KEYS.old, told: 'done' }]
  return [{ ...change, action: 'secret.update', told: operation === 'maintain a destroy' ? 'done' : 'not certain' }, ...repair]
}

/** Of a drift where the newest version is current, whose value is put again, and is the one that was committed; otherwise it is none of a record. */
export function repairBy(actor: string): Attempt {
  return { actor, action: 'secret.update', key: KEYS.old, told: 'not certain' }
}
