import { timingSafeEqual } from 'node:crypto'
import type { DriverCapabilities, NativePath, Payload, ReadOutcome, SecretDriver, VersionId } from '@strongroom/core'
import { checkAlive, classify, LocalFailure, refusal } from './classify.ts'
import { placeOf, type LocalDriverOptions } from './options.ts'
import * as rows from './rows.ts'
import { Session } from './session.ts'

const CAPABILITIES: DriverCapabilities = {
  maxPathLength: 512,
  maxValueBytes: { text: 65_536, binary: 65_536 },
  maxBatch: 100,
  create: 'atomic',
  appendAfter: 'compared',
  current: 'on_promote',
  versionProof: 'token',
  destroyVersion: 'erased',
  remove: 'recoverable',
  textForm: 'kept',
}
const PAGE = 100

/**
 * Keeps secrets in an encrypted SQLite database in a directory of this machine. Nothing is touched before the first call.
 * @throws SecretError `invalid_argument` for wrong options
 */
export function localDriver(options: LocalDriverOptions): SecretDriver {
  const place = placeOf(options, 'localDriver')
  let opening: Promise<Session> | undefined

  const open = (): Promise<Session> => {
    const mine = Session.open(place)
    mine.catch(() => {
      if (opening === mine) opening = undefined // a failed start is forgotten; its callers are told
    })
    return mine
  }
  const start = async (signal: AbortSignal): Promise<Session> => {
    checkAlive(signal)
    const session = await (opening ??= open())
    checkAlive(signal)
    return session
  }

  const fullPathOf = (path: NativePath): string => `${place.location}#${path}`

  return {
    specification: 'v1',
    kind: 'local',
    location: place.location,
    capabilities: CAPABILITIES,

    async create({ path, payload, labels, token }, { signal }) {
      const session = await start(signal)
      const { database } = session
      const fullPath = fullPathOf(path)
      const made = await session.writeValue(path, payload, signal, sealed => {
        const old = rows.findSecret(database, path)
        if (old === undefined) {
          rows.insertSecret(database, path, labels, { ...sealed, token })
          return sealed.version
        }
        if (old.removed === 1) throw refusal('name_held')
        const first = rows.firstVersion(database, old)
        if (first?.token !== token) throw refusal('already_exists')
        return first
      })
      if (typeof made === 'string') return { version: made, fullPath }
      if (!(await holds(session, path, made, payload))) throw refusal('already_exists')
      return { version: made.id, fullPath }
    },

    async append({ path, payload, token, after, staged }, { signal }) {
      const session = await start(signal)
      const { database } = session
      return await session.writeValue(path, payload, signal, sealed => {
        const secret = rows.liveSecret(database, path)
        if (after !== undefined && after !== rows.newestVersion(database, secret)) throw refusal('conflict')
        rows.appendVersion(database, secret, { ...sealed, token }, staged)
        return { version: sealed.version }
      })
    },

    async promote({ path, version, from }, { signal }) {
      const session = await start(signal)
      const { database } = session
      await session.write(signal, () => {
        const secret = rows.liveSecret(database, path)
        if (secret.current !== from) throw refusal('conflict')
        if (rows.findVersion(database, secret, version) === undefined) throw refusal('not_found')
        rows.setCurrent(database, secret, version)
      })
    },

    async read({ path, version }, { signal }) {
      const session = await start(signal)
      const answer = await readVersion(session, path, version)
      checkAlive(signal)
      return answer
    },

    async readMany({ paths }, { signal }) {
      const session = await start(signal)
      const outcomes: ReadOutcome[] = []
      for (const path of paths) {
        checkAlive(signal)
        try {
          outcomes.push({ path, ...(await readVersion(session, path, undefined)) })
        } catch (error) {
          outcomes.push({ path, failure: classify(error) })
        }
      }
      return outcomes
    },

    async versions({ path, after, page }, { signal }) {
      const { database } = await start(signal)
      const found = database.snapshot(() => {
        const secret = rows.liveSecret(database, path)
        const from = page === undefined ? sequenceOf(database, secret, after) : parsePage(page)
        return rows.versionsAfter(database, secret, from, PAGE + 1)
      })
      const items = found.slice(0, PAGE)
      const next = found.length > PAGE ? String(items.at(-1)?.sequence) : undefined
      return { items: items.map(({ version }) => version), next }
    },

    async list({ prefix, withLabels, page }, { signal }) {
      const { database } = await start(signal)
      // The page token is the last path seen, so that pages stay whole while others write.
      const found = rows.entriesFrom(database, { prefix, after: page, withLabels, limit: PAGE + 1 })
      const items = found.slice(0, PAGE).map(entry => ({ ...entry, fullPath: fullPathOf(entry.path) }))
      return { items, next: found.length > PAGE ? items.at(-1)?.path : undefined }
    },

    async destroyVersion({ path, version }, { signal }) {
      const session = await start(signal)
      const { database } = session
      await session.write(signal, () => rows.eraseVersion(database, rows.liveSecret(database, path), version))
      // Also when it was gone already: the try before may have found the log in use.
      if (!database.erase()) throw logInUse()
    },

    async remove({ path, purge }, { signal }) {
      const session = await start(signal)
      const { database } = session
      if (!purge) {
        await session.write(signal, () => rows.setRemoved(database, rows.liveSecret(database, path), 1))
        return { state: 'retained', until: undefined }
      }
      await session.write(signal, () => {
        const secret = rows.findSecret(database, path)
        if (secret !== undefined) rows.deleteSecret(database, secret)
      })
      return database.erase() ? { state: 'gone' } : { state: 'pending', retryAfterMs: 1000 }
    },

    async restore({ path }, { signal }) {
      const session = await start(signal)
      const { database } = session
      await session.write(signal, () => {
        const secret = rows.findSecret(database, path)
        if (secret?.removed !== 1) throw refusal('not_found')
        rows.setRemoved(database, secret, 0)
      })
    },

    classify,

    async close() {
      const closing = opening
      opening = undefined
      // A start that failed has told its own caller, and left nothing to close.
      await closing?.then(
        session => session.close(),
        () => undefined,
      )
    },
  }
}

async function readVersion(session: Session, path: NativePath, version: VersionId | undefined): Promise<{ payload: Payload; version: VersionId }> {
  const { database } = session
  const sealed = database.snapshot(() => rows.readableVersion(database, path, version))
  return { payload: await session.open(path, sealed), version: sealed.version }
}

/** Whether a repeated create brings the value of the first one. A version destroyed since then cannot say no. */
async function holds(session: Session, path: NativePath, version: rows.VersionRow, payload: Payload): Promise<boolean> {
  const sealed = rows.sealedVersion(session.database, version)
  if (sealed === undefined) return true
  const stored = await session.open(path, sealed)
  const same = stored.text === payload.text && stored.bytes.byteLength === payload.bytes.byteLength && timingSafeEqual(stored.bytes, payload.bytes)
  stored.bytes.fill(0)
  return same
}

/** Where versions after that one begin; the hint may name one that is not there. */
function sequenceOf(database: Session['database'], secret: rows.SecretRow, after: VersionId | undefined): number {
  return (after === undefined ? undefined : rows.findVersion(database, secret, after)?.sequence) ?? 0
}

function parsePage(page: string): number {
  if (!/^\d{1,15}$/.test(page)) throw refusal('invalid_argument', 'the page is not one that this driver gave')
  return Number(page)
}

function logInUse(): LocalFailure {
  const hint = 'a reader of the database still holds what was destroyed in its log; it is erased once that reader ends'
  return new LocalFailure({ code: 'unavailable', retryable: true, effect: 'unknown', hint })
}
