import type { AuditDraft } from '../audit.ts'
import type { AuthorizationRequest, Authorize } from '../authorization.ts'
import { SecretError } from '../errors.ts'
import type { MetadataStore } from '../metadata.ts'
import type { CallOptions } from '../words.ts'
import { persist } from './persist.ts'
import { Stop } from './stop.ts'

/** Whoever has just waited for a database that does not answer is not kept for as long again. */
const FAILURE_ENTRY_MS = 2000

/** Authorization and audit: every path of registry and reader goes through here before it looks anything up. */
export class Access {
  readonly #authorize: Authorize
  readonly #metadata: MetadataStore
  readonly #registry: string
  /** Milliseconds for each thing that a call waits for. */
  readonly deadlineMs: number

  constructor(operation: string, authorize: unknown, metadata: MetadataStore, registry: string, deadlineMs: number) {
    if (typeof authorize !== 'function') {
      throw SecretError.invalid(operation, 'authorize is required: a function that answers true or false (for tests: unsafeAllowEveryone)')
    }
    this.#authorize = authorize as Authorize
    this.#metadata = metadata
    this.#registry = registry
    this.deadlineMs = deadlineMs
  }

  /** @throws SecretError `permission_denied`, once the denial is in the audit trail; `unavailable` when the function itself failed */
  async check(operation: string, request: AuthorizationRequest, { signal }: CallOptions): Promise<void> {
    const stop = new Stop(signal, this.deadlineMs)
    let refusal: SecretError | undefined
    try {
      // A truthy answer of an untyped caller allows nothing.
      // eslint-disable-next-line typescript/no-unnecessary-boolean-literal-compare
      if (stop.code === undefined && (await stop.race(() => this.#authorize(request, stop))) === true) return
      if (stop.code === undefined) refusal = SecretError.refused('permission_denied', operation)
    } catch {
      // Whatever it threw may quote anything, so it is not passed on.
      if (stop.code === undefined) {
        refusal = SecretError.refused('unavailable', operation, { hint: 'the authorize function failed; nothing was done', retryable: true })
      }
    } finally {
      stop.end()
    }
    refusal ??= new SecretError({ ...stop.failure(false), operation })
    const outcome = refusal.code === 'permission_denied' ? 'denied' : 'failed'
    // A denial is worth the wait.
    const withinMs = outcome === 'denied' ? this.deadlineMs : undefined
    await this.recordFailure({ ...request, outcome, code: refusal.code }, withinMs)
    throw refusal
  }

  /** @throws SecretError when the entry could not be written: then what it stands for must not be given out. */
  async record(entry: AuditDraft, withinMs: number = this.deadlineMs): Promise<void> {
    const patience = { operation: 'metadata.appendAudit', withinMs, effect: 'unknown' } as const
    await persist(() => this.#metadata.appendAudit({ registry: this.#registry, entry }, {}), patience)
  }

  /** Records a failure that is thrown anyway: the database's own trouble does not take its place, and does not delay it for long. */
  async recordFailure(entry: AuditDraft, withinMs: number = Math.min(FAILURE_ENTRY_MS, this.deadlineMs)): Promise<void> {
    await this.record(entry, withinMs).catch(() => {})
  }

  /** Does it, and records how it ended: before the result is given out, and before an error is. `about` adds what the result tells. */
  async recorded<T>(
    operation: string,
    entry: Omit<AuditDraft, 'outcome' | 'code'>,
    act: () => Promise<T>,
    about: (result: T) => Partial<AuditDraft> = () => ({}),
  ): Promise<T> {
    let result: T
    try {
      result = await act()
    } catch (error) {
      const { code } = error instanceof SecretError ? error : SecretError.refused('unknown', operation)
      await this.recordFailure({ ...entry, outcome: 'failed', code })
      throw error
    }
    await this.record({ ...entry, ...about(result), outcome: 'ok' })
    return result
  }
}
