import { webcrypto } from 'node:crypto'
import { join } from 'node:path'
import type { CryptoKey } from 'jose'
import { refusal } from './classify.ts'
import { parseBareKey, parseKeySet, type SymmetricKey } from './jwk.ts'
import { makeKeyFile, readKeyFile } from './key-file.ts'
import type { Place } from './options.ts'

const DEFAULT_VARIABLE = 'STRONGROOM_LOCAL_KEY'

/** A key that cannot be taken out again: the process keeps no bytes of it that it could print. */
export interface LocalKey {
  readonly kid: string
  readonly key: CryptoKey
}

export interface LocalKeys {
  /** Writes new values. */
  readonly first: LocalKey
  readonly all: ReadonlyMap<string, LocalKey>
}

/** The keys of a place. A key file is made only where `isNew` says that nothing was ever written. */
export async function loadKeys({ key, directory, environment }: Place, isNew: () => boolean): Promise<LocalKeys> {
  if (key === undefined && environment[DEFAULT_VARIABLE] === undefined) return await importKeys(parseKeySet(await readOrMake(directory, isNew)))
  if (key !== undefined && 'file' in key) {
    const text = await readKeyFile(key.file)
    if (text === undefined) throw refusal('misconfigured', 'the key file is not there: put it back, or make one for a new store with addLocalKey')
    return await importKeys(parseKeySet(text))
  }
  const variable = key?.env ?? DEFAULT_VARIABLE
  const text = environment[variable]?.trim()
  if (text === undefined) throw refusal('misconfigured', `the environment variable ${variable}, which holds the key, is not set`)
  if (text.startsWith('{')) return await importKeys(parseKeySet(text))
  const bare = parseBareKey(text)
  if (bare === undefined) throw refusal('misconfigured', `the environment variable ${variable} is neither base64 of 32 bytes nor a JWK Set`)
  return await importKeys([bare])
}

async function readOrMake(directory: string, isNew: () => boolean): Promise<string> {
  const file = join(directory, 'key')
  let text = await readKeyFile(file)
  if (text === undefined) {
    if (!isNew()) throw refusal('misconfigured', 'the key file is missing, and this store was written with a key: put the key file back')
    await makeKeyFile(file)
    text = await readKeyFile(file)
  }
  if (text === undefined) throw refusal('misconfigured', 'the key file was taken away while the store was opened')
  return text
}

async function importKeys(keys: readonly SymmetricKey[]): Promise<LocalKeys> {
  const imported = await Promise.all(
    keys.map(async ({ kid, k }): Promise<LocalKey> => {
      const bytes = Buffer.from(k, 'base64')
      const key = await webcrypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
      bytes.fill(0)
      return { kid, key }
    }),
  )
  return { first: imported[0] as LocalKey, all: new Map(imported.map(key => [key.kid, key])) }
}
