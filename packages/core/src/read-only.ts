import { SecretError } from './errors.ts'
import type { SecretSource, SecretStore } from './secret-store.ts'

/**
 * The reading half of a store, at run time too: what it gives has no other methods. Closing it closes the store.
 * @throws SecretError `invalid_argument` for something that cannot be read from
 */
export function readOnly(store: SecretStore | SecretSource): SecretSource {
  checkSource('readOnly', store)
  return {
    get: (name, options) => store.get(name, options),
    getMany: (names, options) => store.getMany(names, options),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  }
}

/** @throws SecretError `invalid_argument` for something that cannot be read from */
export function checkSource(operation: string, source: unknown): void {
  const candidate = (source ?? {}) as Partial<Record<string, unknown>>
  for (const method of ['get', 'getMany', 'close']) {
    if (typeof candidate[method] !== 'function')
      throw SecretError.invalid(operation, `a source has a method ${method}: a store, or what cached, readOnly or fallback gave`)
  }
}
