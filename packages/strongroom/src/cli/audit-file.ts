import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { verifyAudit, type AuditEntry, type AuditVerdict } from '@strongroom/core'
import { UsageError } from './failure.ts'

// An export is JSON lines: what it is, then each account's entries in order and a line with its last hash, then how much there was.

export const AUDIT_FORMAT = 'strongroom.audit.v1'

export type AuditLine =
  | { readonly type: 'export'; readonly format: string; readonly registry: string; readonly exportedAt: Date }
  | ({ readonly type: 'entry' } & AuditEntry)
  | { readonly type: 'account'; readonly account: string; readonly entries: number; readonly lastHash: string }
  | { readonly type: 'end'; readonly accounts: number; readonly entries: number }

/** What was found of an account's trail. `end`: the file says another number of entries, or another last hash, than there are. */
export type TrailVerdict = { readonly account: string } & (AuditVerdict | { readonly ok: false; readonly sequence: number; readonly problem: 'end' })

/** What the hash covers, and the hash. Another field would be believed without being proved. */
const ENTRY_FIELDS = 'type account actor action outcome code secret key operationId sequence at previousHash hash'.split(' ')

/**
 * Judges each account's trail in an exported file, `-` for standard input; needs no database. `onBytes` is told how much was read.
 * @throws UsageError for what is no such file, or is cut off
 */
export async function* verifyFile(path: string, onBytes: (bytes: number) => void): AsyncGenerator<TrailVerdict> {
  const name = path === '-' ? 'standard input' : JSON.stringify(path)
  const wrong = (why: string): UsageError => new UsageError(`${name} ${why}`)
  const lines = linesOf(path, wrong, onBytes)
  const next = async (): Promise<AuditLine | undefined> => (await lines.next()).value ?? undefined
  const first = await next()
  if (first?.type !== 'export' || first.format !== AUDIT_FORMAT) throw wrong('is no audit trail as strongroom audit export writes it')
  const seen = { accounts: 0, entries: 0 }
  let line = await next()
  while (line?.type === 'entry' || line?.type === 'account') {
    const trail = new Trail(line, next)
    const verdict = await verifyAudit(trail.entries())
    const end = await trail.end()
    if (end === undefined) break
    seen.accounts += 1
    seen.entries += end.entries
    const isAsSaid = !verdict.ok || (end.entries === verdict.entries && end.lastHash === verdict.lastHash)
    yield { account: end.account, ...(isAsSaid ? verdict : { ok: false, sequence: verdict.entries + 1, problem: 'end' }) }
    line = await next()
  }
  if (line?.type !== 'end' || line.accounts !== seen.accounts || line.entries !== seen.entries)
    throw wrong('is cut off, or lacks lines: it does not end as an export does')
  if ((await next()) !== undefined) throw wrong('goes on after its end')
}

/** The lines of one account: its entries, and the one that ends them. */
class Trail {
  #line: AuditLine | undefined
  readonly #account: string
  readonly #next: () => Promise<AuditLine | undefined>

  constructor(first: AuditLine & { readonly account: string }, next: () => Promise<AuditLine | undefined>) {
    this.#line = first
    this.#account = first.account
    this.#next = next
  }

  async *entries(): AsyncGenerator<AuditEntry> {
    for (let entry = this.#entry; entry !== undefined; entry = this.#entry) {
      // Moved on first: whoever finds it broken asks for no more.
      this.#line = await this.#next()
      yield entry
    }
  }

  /** Passes over what is left, which proves nothing after a broken entry; undefined where the account's last line is missing. */
  async end(): Promise<Extract<AuditLine, { readonly type: 'account' }> | undefined> {
    while (this.#entry !== undefined) this.#line = await this.#next()
    return this.#line?.type === 'account' && this.#line.account === this.#account ? this.#line : undefined
  }

  get #entry(): AuditEntry | undefined {
    return this.#line?.type === 'entry' && this.#line.account === this.#account ? this.#line : undefined
  }
}

async function* linesOf(path: string, wrong: (why: string) => UsageError, onBytes: (bytes: number) => void): AsyncGenerator<AuditLine> {
  const input = path === '-' ? process.stdin : createReadStream(path)
  let at = 0
  try {
    for await (const text of createInterface({ input, crlfDelay: Infinity })) {
      at += 1
      onBytes(Buffer.byteLength(text) + 1)
      const line = lineOf(text)
      if (line === undefined) throw wrong(`line ${at}: no line of an audit trail`)
      yield line
    }
  } catch (error) {
    throw error instanceof UsageError ? error : wrong('cannot be read')
  }
}

function lineOf(text: string): AuditLine | undefined {
  try {
    const line = JSON.parse(text) as AuditLine
    switch (line.type) {
      case 'export':
      case 'end':
        return line
      case 'account':
        return typeof line.account === 'string' ? line : undefined
      case 'entry': {
        const at = new Date(line.at)
        const isKnown = Object.keys(line).every(name => ENTRY_FIELDS.includes(name)) && Object.keys(line.actor).toSorted().join() === 'id,type'
        return isKnown && !Number.isNaN(at.getTime()) ? { ...line, at } : undefined
      }
      default:
        return undefined
    }
  } catch {
    return undefined // what it is not, it is not shown either
  }
}
