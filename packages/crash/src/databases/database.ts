import type { MetadataStore } from '@strongroom/core'

/** One kind of metadata store. Another one is a file like `sqlite.ts`, and a line in `index.ts`. */
export interface Database {
  readonly name: string
  /** A new database, empty. What it answers is plain JSON, which a child opens it from. */
  readonly make: (folder: string, name: string) => Promise<unknown>
  /**
   * Opens it. All who open it share its clock. `insideTransaction` is called inside each transaction that writes, when it has begun
   * and has not been committed: a child may die there. A database without such a place leaves it out, and says so by `cuts`.
   */
  readonly open: (place: unknown, insideTransaction?: () => void) => MetadataStore
  readonly cuts: boolean
  /** Moves its clock on, for everybody. */
  readonly advance: (place: unknown, ms: number) => Promise<void>
  /** All that it keeps, as bytes: nothing of a value may be found there. */
  readonly bytes: (place: unknown) => Promise<Buffer>
  readonly remove: (place: unknown) => Promise<void>
  /** Ends what `make` has started for all of them, at the end of a run. */
  readonly stop: () => Promise<void>
}
