import { fallback, type SecretSource } from '@strongroom/core'

/**
 * Reads from the first, and from the others while it cannot answer. A version is the first one's alone: another store's of the same
 * id, such as 3, is another value. Closing it closes the first; the others are someone else's.
 */
export function withFallback(first: SecretSource, others: readonly SecretSource[]): SecretSource {
  const chain = fallback(first, ...others.map(borrowed))
  return { ...chain, get: (name, options) => (options?.version === undefined ? chain : first).get(name, options) }
}

function borrowed(source: SecretSource): SecretSource {
  const close = async (): Promise<void> => {}
  return {
    get: (name, options) => source.get(name, options),
    getMany: (names, options) => source.getMany(names, options),
    close,
    [Symbol.asyncDispose]: close,
  }
}
