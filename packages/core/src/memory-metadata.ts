import { SecretError } from './errors.ts'
import { appendAudit, readAudit } from './memory-metadata/audit.ts'
import { forgetRequests } from './memory-metadata/idempotency.ts'
import { claimExpiredIntents, claimQueue, queueRepair, settleQueue } from './memory-metadata/queue.ts'
import { adopt, beginMigrate, commitMigrate, commitReturn, dropOldCopies, oldCopies } from './memory-metadata/migrations.ts'
import { newRegistryState, type RegistryState, type Transaction } from './memory-metadata/state.ts'
import { pending, troubled } from './memory-metadata/pending.ts'
import { accounts, bindStores, find, owners, page, references, scan } from './memory-metadata/views.ts'
import {
  abandon,
  beginCreate,
  beginUpdate,
  commitCreate,
  commitDelete,
  commitRollback,
  commitUpdate,
  updateDescription,
} from './memory-metadata/writes.ts'
import type { MetadataStore } from './metadata.ts'
import type { CallOptions } from './words.ts'

/** Of a metadata store in memory. */
export interface MemoryMetadataOptions {
  /** The database's clock; a test gives one that it can move. */
  readonly clock?: () => Date
}

/** A metadata store that keeps everything in this process. For tests and for trying things out: what it holds ends with the process. */
export function memoryMetadata(options: MemoryMetadataOptions = {}): MetadataStore {
  const clock = options.clock ?? (() => new Date())
  const registries = new Map<string, RegistryState>()
  let closed = false

  type Body<Request, Answer> = (transaction: Transaction, request: Request) => Answer
  const method =
    <Request extends { readonly registry: string }, Answer>(name: string, body: Body<Request, Answer>) =>
    async (request: Request, call: CallOptions): Promise<Answer> => {
      const operation = `metadata.${name}`
      if (closed) throw SecretError.refused('closed', operation)
      if (call.signal?.aborted === true) throw SecretError.refused('aborted', operation)
      const state = registries.get(request.registry) ?? newRegistryState()
      registries.set(request.registry, state)
      return body({ operation, now: clock().getTime(), state }, request)
    }

  return {
    specification: 'v1',
    kind: 'memory',
    bindStores: method('bindStores', bindStores),
    beginCreate: method('beginCreate', beginCreate),
    beginUpdate: method('beginUpdate', beginUpdate),
    commitCreate: method('commitCreate', commitCreate),
    commitUpdate: method('commitUpdate', commitUpdate),
    abandon: method('abandon', abandon),
    updateDescription: method('updateDescription', updateDescription),
    commitRollback: method('commitRollback', commitRollback),
    commitDelete: method('commitDelete', commitDelete),
    beginMigrate: method('beginMigrate', beginMigrate),
    commitMigrate: method('commitMigrate', commitMigrate),
    commitReturn: method('commitReturn', commitReturn),
    oldCopies: method('oldCopies', oldCopies),
    dropOldCopies: method('dropOldCopies', dropOldCopies),
    adopt: method('adopt', adopt),
    find: method('find', find),
    page: method('page', page),
    claimExpiredIntents: method('claimExpiredIntents', claimExpiredIntents),
    claimQueue: method('claimQueue', claimQueue),
    settleQueue: method('settleQueue', settleQueue),
    pending: method('pending', pending),
    troubled: method('troubled', troubled),
    forgetRequests: method('forgetRequests', forgetRequests),
    owners: method('owners', owners),
    queueRepair: method('queueRepair', queueRepair),
    scan: method('scan', scan),
    accounts: method('accounts', accounts),
    references: method('references', references),
    appendAudit: method('appendAudit', appendAudit),
    readAudit: method('readAudit', readAudit),
    async close() {
      closed = true
      registries.clear()
    },
  }
}
