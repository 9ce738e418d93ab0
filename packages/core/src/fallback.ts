import { isSecretError, SecretError } from './errors.ts'
import { checkSource } from './read-only.ts'
import type { GetOutcome, SecretSource } from './secret-store.ts'

/** What says nothing about the secret, only about the way to it. */
export function isOutage(error: unknown): boolean {
  return isSecretError(error, 'unavailable', 'throttled', 'quota_exceeded', 'deadline_exceeded')
}

/**
 * Reads from the first source that can answer. The next one is asked when a source is unavailable, throttled or too slow;
 * never when the secret is missing, the read denied or the value damaged. A version is the first source's alone: another's of the same
 * id, such as 3, is another value. Closing it closes all of them.
 * @throws SecretError `invalid_argument` without sources
 */
export function fallback(...sources: readonly SecretSource[]): SecretSource {
  const last = sources.at(-1)
  if (last === undefined) throw SecretError.invalid('fallback', 'give at least one source')
  for (const source of sources) checkSource('fallback', source)
  const close = async (): Promise<void> => void (await Promise.all(sources.map(source => source.close())))
  return {
    async get(name, options) {
      for (const source of sources.slice(0, -1)) {
        if (options?.version !== undefined) return await source.get(name, options)
        try {
          return await source.get(name, options)
        } catch (error) {
          if (!isOutage(error)) throw error
        }
      }
      return await last.get(name, options)
    },
    async getMany(names, options) {
      let outcomes: readonly GetOutcome[] = await (sources[0] ?? last).getMany(names, options)
      for (const source of sources.slice(1)) {
        const open = outcomes.flatMap((outcome, index) => (!outcome.ok && isOutage(outcome.error) ? [index] : []))
        if (open.length === 0) break
        const again = await source.getMany(
          open.map(index => names[index] as string),
          options,
        )
        const answers = new Map(open.map((index, position) => [index, again[position]]))
        outcomes = outcomes.map((outcome, index) => answers.get(index) ?? outcome)
      }
      return outcomes
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
