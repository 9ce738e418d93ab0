import { isSecretError } from '@strongroom/core'

/** Why a request could not be answered as it should, for an operator: no text of an error, which may quote anything. */
export interface Trouble {
  /** The library's code, or the name of another error's class. */
  readonly kind: string
  /** What was being done, such as `registry.create`. */
  readonly operation?: string | undefined
  /** The store that it was in. */
  readonly store?: string | undefined
}

/** What a log may say of an error. */
export function troubleOf(error: unknown): Trouble {
  if (isSecretError(error)) {
    const { code: kind, operation, store } = error
    return { kind, operation, store }
  }
  return { kind: error instanceof Error ? error.name : typeof error }
}
