import { AUDIT_GENESIS, type AccountId, type AuditEntry } from '@strongroom/core'
import type { Connection } from './connection.ts'

type Head = Pick<AuditEntry, 'sequence' | 'hash'>

interface HeadRow {
  readonly audit_sequence: number
  readonly audit_hash: string
}

/** The end of an account's audit trail. `head` is set by whoever adds to it. */
interface Chain {
  readonly registry: string
  readonly account: AccountId
  readonly read: Head
  head: Head
}

const MAKE = 'INSERT INTO accounts (registry, account, records, audit_sequence, audit_hash) VALUES (:registry, :account, 0, 0, :genesis)'
const READ = 'SELECT audit_sequence, audit_hash FROM accounts WHERE registry = :registry AND account = :account'
const WRITE = 'UPDATE accounts SET audit_sequence = :sequence, audit_hash = :hash WHERE registry = :registry AND account = :account'

/**
 * The accounts that one transaction writes for, which are made when they first write. Of each the head of the audit chain is read once, and
 * written once at the end, however many entries come between. What undoes the transaction, or a part of it, throws its own away.
 */
export class Chains {
  readonly #connection: Connection
  readonly #chains = new Map<string, Chain>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  of(registry: string, account: AccountId): Chain {
    const name = JSON.stringify([registry, account])
    let chain = this.#chains.get(name)
    if (chain === undefined) {
      const read = this.#read(registry, account)
      chain = { registry, account, read, head: read }
      this.#chains.set(name, chain)
    }
    return chain
  }

  /** Before the commit. */
  end(): void {
    for (const { registry, account, read, head } of this.#chains.values()) {
      if (head !== read) this.#connection.run(WRITE, { registry, account, sequence: head.sequence, hash: head.hash })
    }
  }

  #read(registry: string, account: AccountId): Head {
    const row = this.#connection.get<HeadRow>(READ, { registry, account })
    if (row !== undefined) return { sequence: row.audit_sequence, hash: row.audit_hash }
    this.#connection.run(MAKE, { registry, account, genesis: AUDIT_GENESIS })
    return { sequence: 0, hash: AUDIT_GENESIS }
  }
}
