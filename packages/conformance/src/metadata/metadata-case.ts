import type { World } from './world.ts'

/** One sentence of the contract of `MetadataStore` as data: any runner can run it. */
export interface MetadataCase {
  /** `area/what-holds`, stable: reports and deviations name it. */
  readonly id: string
  readonly title: string
  /** Rejects when the store breaks the sentence. */
  run(world: World): Promise<void>
}
