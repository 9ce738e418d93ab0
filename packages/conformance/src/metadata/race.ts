import assert from 'node:assert/strict'
import { isSecretError } from '@strongroom/core'
import type { World } from './world.ts'

export const WRITERS = 16

/** Does the work so often at once, by turns through the store and through its twin. */
export async function race<T>(world: World, count: number, work: (from: World, index: number) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  const twin = await world.twin()
  return await Promise.allSettled(Array.from({ length: count }, (_, index) => work(index % 2 === 0 ? world : twin, index)))
}

/** All answers; what was refused must be so with one of these codes. */
export function answersOf<T>(outcomes: readonly PromiseSettledResult<T>[], ...codes: readonly string[]): readonly (T | undefined)[] {
  return outcomes.map(outcome => {
    if (outcome.status === 'fulfilled') return outcome.value
    const { reason } = outcome as { readonly reason: unknown }
    assert.ok(
      isSecretError(reason) && codes.includes(reason.code),
      `in a race a call answers or is refused as ${codes.join(' or ')}: ${String(reason)}`,
    )
    return undefined
  })
}

export const count = <T>(items: readonly T[], fits: (item: T) => boolean): number => items.filter(fits).length
