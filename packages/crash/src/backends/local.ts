import { createDecipheriv } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { localDriver, localSecretStore } from '@strongroom/local'
import { temporaryFolder } from '@strongroom/testbed'
import type { Backend, Found, FoundVersion, Running } from './backend.ts'

interface Envelope {
  readonly protected: string
  readonly aad: string
  readonly iv: string
  readonly ciphertext: string
  readonly tag: string
}

interface Row {
  readonly path: string
  readonly removed: number
  readonly current: string
  readonly id: string
  readonly envelope: string | null
}

/** The encrypted store in a folder: its file is read with SQLite and Node's own cryptography. */
export const local: Backend = {
  name: 'local',
  requests: undefined,
  reads: [],
  promotes: true,
  proves: true,
  detaches: false,
  driver: config => localDriver(config as { readonly path: string }),
  start,
}

async function start(): Promise<Running> {
  const { path, remove } = await temporaryFolder()
  const outsider = localSecretStore({ path }, { naming: 'native' })
  return {
    config: { path },
    wire: undefined,
    look: prefix => look(path, prefix),
    plant: async (name, value) => void (await outsider.put(name, value)),
    meddle: { put: async (name, value) => void (await outsider.put(name, value)), label: async (name, version) => label(path, name, version) },
    advance: () => {},
    stop: async () => {
      await outsider.close()
      remove()
    },
  }
}

async function look(folder: string, prefix: string): Promise<readonly Found[]> {
  const { keys } = JSON.parse(await readFile(join(folder, 'key'), 'utf8')) as {
    readonly keys: readonly { readonly kid: string; readonly k: string }[]
  }
  const database = new DatabaseSync(join(folder, 'store.db'))
  try {
    database.exec('PRAGMA busy_timeout = 5000')
    const sql = `SELECT path, removed, current, versions.id, envelope FROM secrets
      LEFT JOIN versions ON secrets.id = versions.secret LEFT JOIN envelopes USING (sequence) ORDER BY path, sequence`
    const rows = (database.prepare(sql).all() as unknown as readonly Row[]).filter(({ path }) => path.startsWith(prefix))
    const versionOf = ({ id, current, envelope }: Row): FoundVersion => {
      const value = envelope === null ? undefined : opened(JSON.parse(envelope) as Envelope, keys)
      return { version: id, served: envelope !== null, current: id === current, value }
    }
    return [...Map.groupBy(rows, ({ path }) => path)].map(([path, own]) => ({
      path,
      deleted: own[0]?.removed === 1,
      versions: own.filter(({ id }) => id !== null).map(versionOf),
    }))
  } finally {
    database.close()
  }
}

/** A label has no command of its own there: who moves it writes to the file. */
function label(folder: string, path: string, version: string): void {
  const database = new DatabaseSync(join(folder, 'store.db'))
  try {
    database.exec('PRAGMA busy_timeout = 5000')
    const { changes } = database.prepare('UPDATE secrets SET current = ? WHERE path = ? AND removed = 0').run(version, path)
    if (changes !== 1) throw new Error('there is no such secret')
  } finally {
    database.close()
  }
}

function opened(
  { protected: header, aad, iv, ciphertext, tag }: Envelope,
  keys: readonly { readonly kid: string; readonly k: string }[],
): string | Buffer {
  const { kid, cty } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { readonly kid: string; readonly cty: string }
  const key = keys.find(one => one.kid === kid)
  if (key === undefined) throw new Error('an envelope of an unknown key')
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key.k, 'base64url'), Buffer.from(iv, 'base64url'))
  decipher.setAAD(Buffer.from(`${header}.${aad}`))
  decipher.setAuthTag(Buffer.from(tag, 'base64url'))
  const bytes = Buffer.concat([decipher.update(Buffer.from(ciphertext, 'base64url')), decipher.final()])
  return cty === 'application/octet-stream' ? bytes : bytes.toString()
}
