import { expect } from 'vitest'
import type { RegistryScene } from '../registry-scene.ts'

/** What is wrong with a database for a while. The scene's registry has one secret, `old`, with the value `o1`. */
export interface Trouble {
  readonly code: string
  /** What still fits into the room that is there is made: only the first create is refused. */
  readonly partly?: boolean | undefined
  readonly begin: () => Promise<void>
  readonly end: () => Promise<void>
}

/** Every call is refused for certain, and all is there when it is over. */
export async function expectRefusedAndWhole(scene: RegistryScene, { code, partly = false, begin, end }: Trouble): Promise<void> {
  await begin()
  const refused = { kind: 'strongroom.secret-error', code, effect: 'none' }
  expect(await scene.create('new', 'n1')).toMatchObject(refused)
  if (!partly) {
    expect(await scene.update('old', 'o2')).toMatchObject(refused)
    expect(await scene.delete('old')).toMatchObject(refused)
    // Without its entry in the trail nothing is shown.
    await expect((await scene.secrets()).list()).rejects.toMatchObject(refused)
  }
  await end()
  expect(await scene.create('next', 'x1')).toBe('done')
  await scene.settle()
  expect(await scene.expectWhole()).toEqual({ next: 'x1', old: 'o1' })
}

/** In mid-operation it leaves nobody in the wrong, and nothing behind. */
export async function expectWholeInMidOperation(scene: RegistryScene, { code, begin, end }: Trouble): Promise<void> {
  const unclear = { kind: 'strongroom.secret-error', code, effect: 'unknown' }
  scene.duringPut = begin
  expect(await scene.create('new', 'n1')).toMatchObject(unclear)
  await end()
  // The values of both are in the store; only the update can be proved, and is finished.
  scene.duringPut = begin
  expect(await scene.update('old', 'o2')).toMatchObject(unclear)
  await end()
  await scene.settle()
  expect(await scene.expectWhole()).toEqual({ old: 'o2' })
  expect(await scene.create('new', 'n2')).toBe('done')
  expect(await scene.delete('old')).toBe('done')
  await scene.settle()
  expect(await scene.expectWhole()).toEqual({ new: 'n2' })
}
