import type { WireAnswer } from '../shared/http-server.ts'
import { answer, type Flavour } from './answers.ts'
import type { Fields } from './fields.ts'
import type { Entry, Tree } from './state.ts'

/** One request to the engine. */
export interface KvCall {
  readonly flavour: Flavour
  readonly tree: Tree
  readonly key: string
  /** The JSON of the body, or the query of a request without one. */
  readonly fields: Fields
  readonly now: number
  /** For when reads and lists show the state: earlier than now where a standby is behind. */
  readonly readsAt: number
  readonly listsAt: number
  readonly maxEntryBytes: number
  /** What goes with an answer of 200. */
  readonly warnings: readonly string[]
  /** Makes the entry what is at the key; undefined removes it. */
  write(entry: Entry | undefined): void
}

export function ok({ flavour, warnings }: KvCall, data: unknown): WireAnswer {
  return answer(flavour, 200, { data, warnings })
}
