import { credentialOf, type Surroundings } from '../config/credentials.ts'
import type { Reference } from '../config/fields.ts'
import { ConfigError } from '../config/problems.ts'

/** The keys of idempotent requests, the newest first. @throws ConfigError for one that is not there or too short */
export async function requestKeysOf(references: readonly Reference[], surroundings: Surroundings): Promise<readonly Uint8Array[]> {
  return await Promise.all(
    references.map(async (reference, index) => {
      const path = `requestKeys[${index}]`
      const text = (await credentialOf(surroundings, path, reference)).trim()
      const bytes = Buffer.from(text, 'base64')
      // Buffer passes over what is no base64; a key that has lost a part is another key.
      if (bytes.length >= 32 && bytes.toString('base64').replaceAll('=', '') === text.replaceAll('=', '')) return bytes
      const allowed = 'base64 of at least 32 bytes, such as openssl rand -base64 32 makes'
      throw new ConfigError(surroundings.source, [{ path, found: 'text (not shown)', allowed }])
    }),
  )
}
