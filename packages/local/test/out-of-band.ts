import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { flattenedDecrypt, FlattenedEncrypt } from 'jose'

interface Row {
  readonly id: string
  readonly envelope: string
}

interface Jwk {
  readonly kid: string
  readonly k: string
}

/** The store's files as somebody reads them who has the README and not our code. */
export class OutOfBandStore {
  readonly #directory: string
  constructor(directory: string) {
    this.#directory = directory
  }

  keys(): readonly Jwk[] {
    const { keys } = JSON.parse(readFileSync(join(this.#directory, 'key'), 'utf8')) as { readonly keys: readonly Jwk[] }
    return keys
  }

  /** Work on the database itself. */
  with<T>(work: (database: DatabaseSync) => T): T {
    const database = new DatabaseSync(join(this.#directory, 'store.db'))
    try {
      database.exec('PRAGMA busy_timeout = 5000')
      return work(database)
    } finally {
      database.close()
    }
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const sql = `SELECT versions.id, envelope FROM versions JOIN secrets ON secrets.id = versions.secret JOIN envelopes USING (sequence)
      WHERE path = ? AND removed = 0 AND versions.id = secrets.current`
    const row = this.with(database => database.prepare(sql).get(path)) as unknown as Row | undefined
    if (row === undefined) return undefined
    const envelope = JSON.parse(row.envelope) as Parameters<typeof flattenedDecrypt>[0]
    const { plaintext, additionalAuthenticatedData } = await flattenedDecrypt(envelope, header => {
      const key = this.keys().find(({ kid }) => kid === header?.kid)
      if (key === undefined) throw new Error('no such key')
      return Buffer.from(key.k, 'base64url')
    })
    const bound = Buffer.from(additionalAuthenticatedData as Uint8Array).toString()
    if (bound !== JSON.stringify(['strongroom-local-1', 'value', path, row.id])) throw new Error('bound to another place')
    return plaintext
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const id = randomUUID()
    const key = this.keys()[0] as Jwk
    const envelope = await new FlattenedEncrypt(bytes)
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: key.kid, cty: 'text/plain; charset=utf-8' })
      .setAdditionalAuthenticatedData(Buffer.from(JSON.stringify(['strongroom-local-1', 'value', path, id])))
      .encrypt(Buffer.from(key.k, 'base64url'))
    const insert = `INSERT INTO versions (secret, id, token, created_at, kid) SELECT id, ?, ?, ?, ? FROM secrets WHERE path = ?`
    this.with(database => {
      database.exec('BEGIN IMMEDIATE')
      database.prepare(insert).run(id, randomUUID(), Date.now(), key.kid, path)
      database.prepare('INSERT INTO envelopes (sequence, envelope) VALUES (last_insert_rowid(), ?)').run(JSON.stringify(envelope))
      database.prepare('UPDATE secrets SET current = ? WHERE path = ?').run(id, path)
      database.exec('COMMIT')
    })
  }
}

/** RFC 7638, written again. */
export function thumbprint(k: string): string {
  return createHash('sha256').update(`{"k":"${k}","kty":"oct"}`).digest('base64url')
}
