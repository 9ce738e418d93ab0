import { SecretError, type CallOptions, type MetadataStore } from '@strongroom/core'
import { appendAudit, readAudit } from './audit.ts'
import type { Chains } from './chains.ts'
import type { Connection } from './connection.ts'
import { Current } from './current.ts'
import { beginCreate, beginUpdate, claimExpiredIntents } from './intents.ts'
import { adopt, beginMigrate, commitMigrate, commitReturn } from './migrations.ts'
import { dropOldCopies, oldCopies } from './old-copies.ts'
import { page } from './page.ts'
import { pending, troubled } from './pending.ts'
import { claimQueue, queueRepair, settleQueue } from './queue.ts'
import { forgetRequests } from './requests.ts'
import { readTogether, writeTogether, type Work } from './together.ts'
import type { Transaction } from './transaction.ts'
import { accounts, bindStores, find, owners, references, scan } from './views.ts'
import { abandon, commitCreate, commitDelete, commitRollback, commitUpdate, updateDescription } from './writes.ts'

/** Of a metadata store in one SQLite file. */
export interface SqliteMetadataOptions {
  /** The database's file, made with mode 0600 where it is missing; `:memory:` for one that ends with the store. */
  readonly path: string
  /** The database's clock; a test gives one that it can move. The machine's by default. */
  readonly clock?: () => Date
  /** How long a call waits while another connection writes, in milliseconds; 5000 by default. It waits on the thread. */
  readonly busyTimeoutMs?: number
}

type Body<Request, Answer> = (transaction: Transaction, request: Request) => Answer
type Method<Request, Answer> = (request: Request, call: CallOptions) => Promise<Answer>

/**
 * A metadata store in one SQLite file, for the processes of one machine. The file is opened by the first call.
 * @throws SecretError `invalid_argument` for wrong options
 */
export function sqliteMetadata(options: SqliteMetadataOptions): MetadataStore {
  const { path, clock = () => new Date(), busyTimeoutMs = 5000 } = options
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw SecretError.invalid('sqliteMetadata', "path is a file's path")
  if (!Number.isInteger(busyTimeoutMs) || busyTimeoutMs < 0 || busyTimeoutMs > 2_147_483_647) {
    throw SecretError.invalid('sqliteMetadata', 'busyTimeoutMs is a whole number of milliseconds')
  }
  const current = new Current({ path, clock, busyTimeoutMs })
  const method =
    (doTogether: (work: Work) => Promise<unknown>) =>
    <Request extends { readonly registry: string }, Answer>(name: string, body: Body<Request, Answer>): Method<Request, Answer> =>
    async (request, call) => {
      const operation = `metadata.${name}`
      current.check(operation, call)
      const work = (connection: Connection, now: number, chains: Chains): Answer =>
        body({ operation, registry: request.registry, now, connection, chains }, request)
      return (await doTogether({ operation, call, work })) as Answer
    }
  const reads = method(readTogether(current))
  const writes = method(writeTogether(current))
  /** Every look at a secret leaves an entry, so that these are the most: they wait for each other, and not for what else is written. */
  const appends = method(writeTogether(current))

  return {
    specification: 'v1',
    kind: 'sqlite',
    bindStores: writes('bindStores', bindStores),
    beginCreate: writes('beginCreate', beginCreate),
    beginUpdate: writes('beginUpdate', beginUpdate),
    commitCreate: writes('commitCreate', commitCreate),
    commitUpdate: writes('commitUpdate', commitUpdate),
    abandon: writes('abandon', abandon),
    updateDescription: writes('updateDescription', updateDescription),
    commitRollback: writes('commitRollback', commitRollback),
    commitDelete: writes('commitDelete', commitDelete),
    beginMigrate: writes('beginMigrate', beginMigrate),
    commitMigrate: writes('commitMigrate', commitMigrate),
    commitReturn: writes('commitReturn', commitReturn),
    oldCopies: reads('oldCopies', oldCopies),
    dropOldCopies: writes('dropOldCopies', dropOldCopies),
    adopt: writes('adopt', adopt),
    find: reads('find', find),
    page: reads('page', page),
    claimExpiredIntents: writes('claimExpiredIntents', claimExpiredIntents),
    claimQueue: writes('claimQueue', claimQueue),
    settleQueue: writes('settleQueue', settleQueue),
    pending: reads('pending', pending),
    troubled: reads('troubled', troubled),
    forgetRequests: writes('forgetRequests', forgetRequests),
    owners: reads('owners', owners),
    queueRepair: writes('queueRepair', queueRepair),
    scan: reads('scan', scan),
    accounts: reads('accounts', accounts),
    references: reads('references', references),
    appendAudit: appends('appendAudit', appendAudit),
    readAudit: reads('readAudit', readAudit),
    close: async () => await current.close(),
  }
}
