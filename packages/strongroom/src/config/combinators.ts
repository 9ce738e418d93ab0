import type { CustomStore } from './check.ts'
import { foundText, pathText, type ConfigProblem } from './problems.ts'
import type { StoreConfig } from './schema.ts'

export interface Combinators {
  readonly readOnly: boolean
  /** The stores that are asked after this one, in their order. */
  readonly fallback: readonly string[]
}

type Stores = Readonly<Record<string, StoreConfig | CustomStore>>

/** What a store's own fields say of it, once they are checked. */
export function combinatorsOf(store: StoreConfig | CustomStore): Combinators {
  const { readOnly, fallback } = store as { readonly readOnly?: boolean; readonly fallback?: string | readonly string[] }
  return { readOnly: readOnly === true, fallback: fallback === undefined ? [] : typeof fallback === 'string' ? [fallback] : fallback }
}

/** Those that may be written to. */
export function writableOf(stores: Stores): readonly string[] {
  return Object.keys(stores).filter(name => stores[name]?.['readOnly'] !== true)
}

/** What is wrong between the stores. The fields of a program's own type are checked here alone. */
export function combinatorProblems(stores: Stores): readonly ConfigProblem[] {
  return Object.entries(stores).flatMap(([name, store]) => {
    const { readOnly, fallback } = store as { readonly readOnly?: unknown; readonly fallback?: unknown }
    const others = Object.keys(stores).filter(one => one !== name)
    const allowed = others.length === 0 ? 'another store, and there is none' : `other stores, each once: ${others.join(', ')}`
    const problem = (field: string, found: string, allowedThere: string): ConfigProblem => ({
      path: pathText(['stores', name, field]),
      found,
      allowed: allowedThere,
    })
    const names: readonly unknown[] = Array.isArray(fallback) ? fallback : fallback === undefined ? [] : [fallback]
    const wrong = names.find((one, index) => typeof one !== 'string' || !others.includes(one) || names.indexOf(one) !== index)
    return [
      ...(readOnly === undefined || typeof readOnly === 'boolean' ? [] : [problem('readOnly', foundText(readOnly, ''), 'true or false')]),
      ...(wrong === undefined ? [] : [problem('fallback', foundText(wrong, '', allowed), allowed)]),
    ]
  })
}
