import type { VersionId } from '@strongroom/core'
import { checkAlive, classify, LocalFailure, publicError, refusal } from './classify.ts'
import type { LocalDatabase } from './database.ts'
import { seal } from './envelope.ts'
import { placeOf, type LocalDriverOptions } from './options.ts'
import { knownKeys, Session } from './session.ts'

const BATCH = 50

/** What a reencryption did. */
export interface Reencryption {
  /** Values that this run put under the first key. */
  readonly reencrypted: number
  /** Values that were under it when the run began. */
  readonly alreadyCurrent: number
}

/** A key of a store, and what still needs it. */
export interface LocalKeyUsage {
  readonly kid: string
  /** It writes new values. */
  readonly first: boolean
  /** Nothing is written with it any more: once `values` is 0, it may leave the key file or the variable. */
  readonly retired: boolean
  /** Stored values that only this key opens, those of removed secrets included. */
  readonly values: number
}

interface OldRow {
  readonly sequence: number
  readonly path: string
  readonly id: VersionId
  readonly kid: string
  /** Null: somebody took it away. */
  readonly envelope: string | null
}

/**
 * Puts every stored value under the first key and then retires the others. It may run while the store is in use, and when it
 * is stopped half way, the next run goes on from there.
 * @throws SecretError `corrupt` with the path of a value that does not open, after all the others are done; nothing is retired then
 */
export async function reencryptLocalStore(
  options: LocalDriverOptions,
  call: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Reencryption> {
  return await withSession(options, 'reencryptLocalStore', session => reencrypt(session, call.signal))
}

/**
 * Which keys the store uses, and for how many values: what to look at before a key is taken away.
 * @throws SecretError as a call of the driver, and `invalid_argument` for wrong options
 */
export async function localKeyUsage(options: LocalDriverOptions): Promise<readonly LocalKeyUsage[]> {
  return await withSession(options, 'localKeyUsage', async ({ database, keys }) =>
    knownKeys(database).map(({ kid, retired }) => ({
      kid,
      first: kid === keys.first.kid,
      retired: retired === 1,
      values: countUnder(database, kid),
    })),
  )
}

/** A value that does not open, by its path, so that somebody can look at it or purge it. */
class DamagedValue extends LocalFailure {
  readonly path: string
  constructor({ path }: OldRow, { failure }: LocalFailure) {
    super(failure)
    this.path = path
  }
}

async function withSession<T>(options: LocalDriverOptions, operation: string, work: (session: Session) => Promise<T>): Promise<T> {
  const place = placeOf(options, operation)
  try {
    const session = await Session.open(place)
    try {
      return await work(session)
    } finally {
      session.close()
    }
  } catch (error) {
    throw publicError(error, operation, place.location, error instanceof DamagedValue ? error.path : undefined)
  }
}

async function reencrypt(session: Session, signal: AbortSignal | undefined): Promise<Reencryption> {
  const { database, keys } = session
  const { kid } = keys.first
  // Going back to a retired key is allowed, when it is said by putting that key first.
  database.transaction(() => database.run('UPDATE keys SET retired = 0 WHERE kid = ?', kid))
  const alreadyCurrent = countUnder(database, kid)
  let reencrypted = 0
  for (;;) {
    const { moved, damaged } = await pass(session, signal)
    reencrypted += moved
    if (damaged !== undefined) throw damaged
    if (await retireOthers(session, signal)) break
  }
  // Until then the log and freed pages hold values under the old key.
  if (!database.erase())
    throw refusal('unavailable', 'all values are under the first key, but a reader still holds old ones in the log; run it again')
  return { reencrypted, alreadyCurrent }
}

/** Once over everything that is not under the first key. */
async function pass(
  session: Session,
  signal: AbortSignal | undefined,
): Promise<{ readonly moved: number; readonly damaged: DamagedValue | undefined }> {
  const { first } = session.keys
  let moved = 0
  let damaged: DamagedValue | undefined
  for (let after = 0; ;) {
    const batch = batchAfter(session.database, first.kid, after)
    const last = batch.at(-1)
    if (last === undefined) return { moved, damaged }
    after = last.sequence
    const sealed: { readonly row: OldRow; readonly envelope: string }[] = []
    for (const row of batch) {
      checkAlive(signal)
      try {
        sealed.push({ row, envelope: await resealed(session, row) })
      } catch (error) {
        if (classify(error).code !== 'corrupt' || !(error instanceof LocalFailure)) throw error
        damaged ??= new DamagedValue(row, error)
      }
    }
    moved += await replace(session, sealed, signal)
  }
}

async function resealed(session: Session, { path, id, kid, envelope }: OldRow): Promise<string> {
  if (envelope === null) throw refusal('corrupt', 'a stored value is not there')
  const payload = await session.open(path, { version: id, kid, envelope })
  try {
    return await seal(session.keys.first, ['value', path, id], payload)
  } finally {
    payload.bytes.fill(0)
  }
}

/** One batch, one transaction. What was destroyed or replaced meanwhile is left as it is. */
async function replace(
  session: Session,
  sealed: readonly { readonly row: OldRow; readonly envelope: string }[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const { database } = session
  const { kid } = session.keys.first
  return await session.write(signal, () => {
    let moved = 0
    for (const { row, envelope } of sealed) {
      const sql = 'UPDATE envelopes SET envelope = ? WHERE sequence = ? AND envelope = ?'
      if (database.run(sql, envelope, row.sequence, row.envelope) === 0) continue
      database.run('UPDATE versions SET kid = ? WHERE sequence = ?', kid, row.sequence)
      moved += 1
    }
    return moved
  })
}

/** From here on no process writes with another key. False when one has just done so. */
async function retireOthers(session: Session, signal: AbortSignal | undefined): Promise<boolean> {
  const { database } = session
  const { kid } = session.keys.first
  return await session.write(signal, () => {
    if (batchAfter(database, kid, 0).length > 0) return false
    database.run('UPDATE keys SET retired = 1 WHERE kid <> ?', kid)
    return true
  })
}

function batchAfter(database: LocalDatabase, kid: string, after: number): readonly OldRow[] {
  const sql = `SELECT sequence, path, versions.id AS id, kid, envelope
    FROM versions JOIN secrets ON secrets.id = versions.secret LEFT JOIN envelopes USING (sequence)
    WHERE sequence > ? AND kid IS NOT NULL AND kid <> ? ORDER BY sequence LIMIT ?`
  return database.all(sql, after, kid, BATCH) as readonly OldRow[]
}

function countUnder(database: LocalDatabase, kid: string): number {
  const { count } = database.get('SELECT count(*) AS count FROM versions WHERE kid = ?', kid) as { readonly count: number }
  return count
}
