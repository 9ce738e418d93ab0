import type { MetadataStore } from '@strongroom/core'

/** What the author of a metadata store gives the cases: an empty store, and what they cannot do without it. */
export interface MetadataHarness {
  readonly store: MetadataStore
  /**
   * Another store on the same database, as another process has it: a client, a connection or a file handle of its own. Races run
   * between the two. Leave it out only where one process is all that the store is for.
   */
  readonly second?: (() => Promise<MetadataStore>) | undefined
  /** Closes what was started and removes the database. The stores themselves are closed before. */
  dispose(): Promise<void>
}

/**
 * Makes an empty store, anew for each case. `clock` is the store's only source of time, and moves only when a case moves it: a store
 * takes it as an option for its tests, in the place of the database's own clock.
 */
export type StartMetadata = (clock: () => Date) => Promise<MetadataHarness>
