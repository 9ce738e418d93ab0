import { fallback, type SecretSource } from '@strongroom/core'

/** Reads from the first, and from the others while it cannot answer. Closing it closes the first; the others are someone else's. */
export function withFallback(first: SecretSource, others: readonly SecretSource[]): SecretSource {
  return fallback(first, ...others.map(borrowed))
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
