import { AUDIT_GENESIS, type AccountId } from '@strongroom/core'
import type { AccountTransaction, Transaction } from './transaction.ts'

/** An account's row as the transaction that holds it changes it: one update, when everything else is done. */
export interface LockedAccount {
  readonly id: AccountId
  /** How many records it has. */
  records: number
  /** The last entry of its audit chain. */
  auditSequence: number
  auditHash: string
  /** How many tasks it has queued, ever: the order of tasks that were queued in one millisecond. */
  tasks: number
}

interface AccountRow {
  readonly records: number
  readonly audit_sequence: number
  readonly audit_hash: string
  readonly tasks: number
}

const LOCK = 'SELECT records, audit_sequence, audit_hash, tasks FROM accounts WHERE registry = $1 AND account = $2 FOR UPDATE'

/**
 * Runs the body while it holds the account's row. It is the first lock of every transaction that changes something of an account, and
 * none takes a second account's, so that writers of an account queue up and never deadlock. The row is made when it is missing.
 */
export async function withAccount<Answer>(
  transaction: Transaction,
  id: AccountId,
  body: (transaction: AccountTransaction) => Promise<Answer>,
): Promise<Answer> {
  const row = (await lock(transaction, id)) ?? (await make(transaction, id))
  const account: LockedAccount = { id, records: row.records, auditSequence: row.audit_sequence, auditHash: row.audit_hash, tasks: row.tasks }
  const before = { ...account }
  const answer = await body({ ...transaction, account, now: await transaction.time() })
  const { records, auditSequence, auditHash, tasks } = account
  if (records !== before.records || auditSequence !== before.auditSequence || tasks !== before.tasks) {
    const sql = 'UPDATE accounts SET records = $3, audit_sequence = $4, audit_hash = $5, tasks = $6 WHERE registry = $1 AND account = $2'
    await transaction.connection.run(sql, transaction.registry, id, records, auditSequence, auditHash, tasks)
  }
  return answer
}

function lock({ connection, registry }: Transaction, account: AccountId): Promise<AccountRow | undefined> {
  return connection.get<AccountRow>(LOCK, registry, account)
}

async function make(transaction: Transaction, account: AccountId): Promise<AccountRow> {
  const fresh = { records: 0, audit_sequence: 0, audit_hash: AUDIT_GENESIS, tasks: 0 }
  // Waits for another process that is making it too, and then locks that one's.
  await transaction.connection.insert('accounts', { registry: transaction.registry, account, ...fresh }, 'ON CONFLICT DO NOTHING')
  return (await lock(transaction, account)) ?? fresh
}
