import { randomUUID } from 'node:crypto'
import type { NativePath, Payload, VersionId } from '@strongroom/core'
import { checkAlive, LocalFailure, refusal } from './classify.ts'
import { LocalDatabase } from './database.ts'
import { seal, sealCheck, unseal, verifyCheck } from './envelope.ts'
import { loadKeys, type LocalKeys } from './keys.ts'
import type { Place } from './options.ts'
import type { SealedVersion } from './rows.ts'

export interface KeyRow {
  readonly kid: string
  readonly key_check: string
  /** Nothing is written with it any more, and the store opens without it. */
  readonly retired: 0 | 1
}

/** Keys, and the key checks of the database that they passed. */
interface ProvedKeys extends LocalKeys {
  readonly checks: ReadonlyMap<string, string>
}

/** The keys at hand are not what the database asks for: they may have been changed since they were loaded. */
class KeysChanged extends LocalFailure {
  constructor(hint: string) {
    super({ code: 'misconfigured', retryable: false, effect: 'none', hint })
  }
}

/** A database together with keys that are proved to be its own. Every write proves it again, inside its transaction. */
export class Session {
  readonly database: LocalDatabase
  readonly #place: Place
  #keys: ProvedKeys

  private constructor(place: Place, database: LocalDatabase, keys: ProvedKeys) {
    this.#place = place
    this.database = database
    this.#keys = keys
  }

  static async open(place: Place): Promise<Session> {
    const database = await LocalDatabase.open(place.directory)
    try {
      return new Session(place, database, await proveKeys(place, database))
    } catch (error) {
      database.close()
      throw error
    }
  }

  get keys(): LocalKeys {
    return this.#keys
  }

  /** A transaction that needs no value. */
  async write<T>(signal: AbortSignal | undefined, work: () => T): Promise<T> {
    return await this.#withKeys(async keys => {
      checkAlive(signal)
      return this.#transaction(keys, work)
    })
  }

  /** Seals a value under a new version id, then stores it in one transaction. */
  async writeValue<T>(path: NativePath, payload: Payload, signal: AbortSignal, work: (sealed: SealedVersion) => T): Promise<T> {
    return await this.#withKeys(async keys => {
      const version = randomUUID() as VersionId
      const envelope = await seal(keys.first, ['value', path, version], payload)
      // When the call has ended, its caller has wiped the bytes, perhaps before they were sealed.
      checkAlive(signal)
      return this.#transaction(keys, () => work({ version, kid: keys.first.kid, envelope }))
    })
  }

  async open(path: string, { version, kid, envelope }: SealedVersion): Promise<Payload> {
    return await this.#withKeys(async ({ all }) => {
      const key = all.get(kid)
      if (key === undefined) throw new KeysChanged(missingKey(kid))
      return await unseal(key, ['value', path, version], envelope)
    })
  }

  close(): void {
    this.database.close()
  }

  /** Once more with the keys loaded anew, since one may have been added or retired while this process ran. */
  async #withKeys<T>(work: (keys: ProvedKeys) => Promise<T>): Promise<T> {
    try {
      return await work(this.#keys)
    } catch (error) {
      if (!(error instanceof KeysChanged)) throw error
    }
    this.#keys = await proveKeys(this.#place, this.database)
    return await work(this.#keys)
  }

  #transaction<T>(keys: ProvedKeys, work: () => T): T {
    return this.database.transaction(() => {
      admit(this.database, keys)
      return work()
    })
  }
}

export function knownKeys(database: LocalDatabase): readonly KeyRow[] {
  return database.all('SELECT kid, key_check, retired FROM keys') as readonly KeyRow[]
}

async function proveKeys(place: Place, database: LocalDatabase): Promise<ProvedKeys> {
  const keys = await loadKeys(place, () => knownKeys(database).length === 0)
  const checks = new Map<string, string>()
  for (const { kid, key_check, retired } of knownKeys(database)) {
    const key = keys.all.get(kid)
    if (key === undefined) {
      if (retired === 1) continue
      throw refusal('misconfigured', missingKey(kid))
    }
    await verifyCheck(key, key_check)
    checks.set(kid, key_check)
  }
  if (!checks.has(keys.first.kid)) checks.set(keys.first.kid, await sealCheck(keys.first))
  return { ...keys, checks }
}

/** Refuses to write unless every key in use is at hand and proved; notes the first key when the database does not know it. */
function admit(database: LocalDatabase, { first, all, checks }: ProvedKeys): void {
  const known = knownKeys(database)
  for (const { kid, key_check, retired } of known) {
    if (retired === 1) {
      if (kid === first.kid) throw new KeysChanged(`the key ${kid} was retired by a re-encryption: put the newer key first`)
    } else if (!all.has(kid) || checks.get(kid) !== key_check) throw new KeysChanged(missingKey(kid))
  }
  if (known.some(({ kid }) => kid === first.kid)) return
  database.run('INSERT INTO keys (kid, key_check) VALUES (?, ?)', first.kid, checks.get(first.kid) as string)
}

function missingKey(kid: string): string {
  // The id comes from the database; one that was tampered with must not become part of a message.
  const named = /^[\x21-\x7e]{1,128}$/.test(kid) ? ` ${kid}` : ''
  return `this store was written with the key${named}, which was not given: add it to the keys`
}
