// A registry of many secrets, put straight into its database: the first is made by the registry itself, the others are its rows again with
// other ids, keys and times. Nothing but their values is missing: each has its entry in the audit trail, and the chain is whole.
import { randomBytes, randomUUID } from 'node:crypto'
import { auditOfRow, auditRow, chainedEntry, createSecretRegistry, memoryDriver, unsafeAllowEveryone } from '@strongroom/core'
import {
  accountId,
  type AccountSecrets,
  type Actor,
  type AuditRow,
  type MetadataStore,
  type RecordRow,
  type SecretId,
  type SecretRegistry,
} from '@strongroom/core'
import type { Database, Row } from './databases.ts'

const REGISTRY = 'bench'
const ACCOUNT = accountId('acme')
const ACTOR: Actor = { id: 'alice', type: 'user' }
const BATCH = 10_000
const SAMPLE = 1_000
const SECOND = 1_000

export interface Filled {
  readonly registry: SecretRegistry
  readonly secrets: AccountSecrets
  /** A thousand records at most, spread evenly over the time. */
  readonly sample: readonly RecordRow[]
}

/** The registry of the benchmarks' rows: its store has the same name in every process that opens them. */
export async function registryOn(metadata: MetadataStore): Promise<SecretRegistry> {
  const stores = { main: memoryDriver({ name: 'bench' }) }
  return await createSecretRegistry({ id: REGISTRY, metadata, stores, writeTo: 'main', authorize: unsafeAllowEveryone })
}

/** A registry with so many secrets, one made each second, half of them updated since. */
export async function filled(database: Database, count: number): Promise<Filled> {
  const registry = await registryOn(database.store)
  const secrets = registry.account(ACCOUNT, ACTOR)
  const first = await secrets.create({ key: newKey(), value: 'the first', description: 'What it is for.' })
  const [template] = await database.rows('SELECT * FROM records')
  const [entry] = await database.rows('SELECT * FROM audit')
  if (template === undefined || entry === undefined) throw new Error('the first secret is not there')
  let last = auditOfRow(entry as unknown as AuditRow)
  const startedAt = first.createdAt.getTime()
  const sample: Row[] = []
  await database.bulk(async () => {
    for (let done = 1; done < count;) {
      const until = Math.min(count, done + BATCH)
      const records: Row[] = []
      const audit: Row[] = []
      for (; done < until; done += 1) {
        const at = startedAt + done * SECOND
        const record = another(template, at, done % 2 === 1 ? startedAt + Math.floor(Math.random() * count) * SECOND : undefined)
        records.push(record)
        if (done % Math.ceil(count / SAMPLE) === 0) sample.push(record)
        const about = { secret: record['id'] as SecretId, key: String(record['key']), operationId: randomUUID() }
        last = chainedEntry({ account: ACCOUNT, actor: ACTOR, action: 'secret.create', outcome: 'ok', ...about }, last, at)
        audit.push({ registry: REGISTRY, ...auditRow(last) })
      }
      await database.insert('records', records)
      await database.insert('audit', audit)
    }
  })
  await database.rows(`UPDATE accounts SET records = ${count}, audit_sequence = ${last.sequence}, audit_hash = '${last.hash}'`)
  return { registry, secrets, sample: sample as unknown as readonly RecordRow[] }
}

function another(template: Row, at: number, updatedAt: number | undefined): Row {
  const id = idAt(at)
  const [path, fullPath] = [template['path'], template['cloud_secret_path']].map(old => String(old).replace(String(template['id']), id))
  const made = { ...template, id, key: newKey(), path, cloud_secret_path: fullPath, created_at: at } as Row
  return updatedAt === undefined ? made : { ...made, updated_at: Math.max(at, updatedAt), updated_by: ACTOR.id, revision: 2 }
}

function newKey(): string {
  return `key-${randomBytes(8).toString('hex')}`
}

/** A UUID of version 7, as the registry's own ids are. */
function idAt(at: number): string {
  const time = at.toString(16).padStart(12, '0')
  const random = randomUUID()
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`
}
