import { crypto } from './internal/crypto.ts'
import type { DriverCall, DriverVersion, Payload, Removal, SecretDriver } from './driver.ts'
import { SecretError } from './errors.ts'
import { Calls } from './internal/calls.ts'
import { checkOneOf, checkOptions, checkPolicy, Checks, checkVersion, NO_OPTIONS } from './internal/checks.ts'
import { checkDriver } from './internal/check-driver.ts'
import { Guard } from './internal/guard.ts'
import { appendVersion, createSecret } from './internal/writes.ts'
import type { StorePolicy } from './policy.ts'
import type { DeleteOptions, GetOptions, GetOutcome, ListOptions, PutOptions, SecretEntry, SecretStore, StoredSecret } from './secret-store.ts'
import { SecretValue, type ValueInput } from './value.ts'
import type { CallOptions, NativePath, VersionId } from './words.ts'

const PARALLEL_READS = 8
const PUT_ROUNDS = 3

/**
 * The portable store over a driver: the only implementation of {@link SecretStore}.
 * @throws SecretError `invalid_argument` for a wrong policy, `misconfigured` for something that is not a v1 driver
 */
export function createSecretStore(driver: SecretDriver, policy: StorePolicy = {}): SecretStore {
  checkDriver('createSecretStore', driver)
  checkPolicy('createSecretStore', policy, ['prefix', 'naming', 'limits'])
  return new DriverStore(driver, policy)
}

class DriverStore implements SecretStore {
  readonly #driver: SecretDriver
  readonly #guard: Guard
  readonly #checks: Checks
  readonly #calls = new Calls()

  constructor(driver: SecretDriver, policy: StorePolicy) {
    this.#driver = driver
    this.#guard = new Guard(driver, policy)
    this.#checks = new Checks(driver.capabilities, policy, this.#guard.label)
  }

  get location(): string | undefined {
    return this.#driver.location
  }

  get capabilities(): SecretDriver['capabilities'] {
    return this.#driver.capabilities
  }

  get(name: string, options: GetOptions = NO_OPTIONS): Promise<StoredSecret> {
    const operation = 'get'
    try {
      this.#assertOpen(operation)
      checkOptions(operation, options, ['signal', 'version'])
      const path = this.#checks.path(operation, name)
      if (options.version !== undefined) checkVersion(operation, options.version)
      return this.#read(operation, name, path, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async getMany(names: readonly string[], options: CallOptions = NO_OPTIONS): Promise<readonly GetOutcome[]> {
    const operation = 'getMany'
    this.#assertOpen(operation)
    checkOptions(operation, options, ['signal'])
    if (!Array.isArray(names)) throw SecretError.invalid(operation, 'names are an array of strings')
    const asked: readonly string[] = [...(names as readonly string[])]
    const paths = new Map<NativePath, string>(asked.map(name => [this.#checks.path(operation, name), name]))
    return await this.#calls.track(this.#readMany(asked, paths, options))
  }

  async #readMany(names: readonly string[], paths: ReadonlyMap<NativePath, string>, options: CallOptions): Promise<readonly GetOutcome[]> {
    const outcomes = new Map<string, GetOutcome>()
    const { maxBatch } = this.#driver.capabilities
    const pieces = chunks([...paths], maxBatch)
    await inParallel(pieces, PARALLEL_READS, async piece => {
      const read = maxBatch === 1 ? await this.#getOne(piece, options) : await this.#getBatch(piece, options)
      for (const outcome of read) outcomes.set(outcome.name, outcome)
    })
    // A name given twice gets its own copy of the value, since each result owns one.
    const given = new Set<string>()
    return names.map(name => {
      const outcome = outcomes.get(name) as GetOutcome
      if (!outcome.ok || !given.has(name)) {
        given.add(name)
        return outcome
      }
      return { ...outcome, secret: { ...outcome.secret, value: SecretValue.from(outcome.secret.value) } }
    })
  }

  async put(name: string, value: ValueInput, options: PutOptions = NO_OPTIONS): Promise<{ readonly version: VersionId }> {
    const operation = 'put'
    this.#assertOpen(operation)
    checkOptions(operation, options, ['signal', 'ifAbsent', 'ifVersion', 'labels'])
    const { ifAbsent, ifVersion } = options
    checkOneOf(operation, 'ifAbsent', ifAbsent, [true, 'unsafe-check-then-write'])
    if (ifVersion !== undefined) checkVersion(operation, ifVersion)
    if (ifAbsent !== undefined && ifVersion !== undefined) throw SecretError.invalid(operation, 'give ifAbsent or ifVersion, not both')
    if (options.labels !== undefined && ifAbsent === undefined)
      throw SecretError.invalid(operation, 'labels are written when the secret is made: give ifAbsent too')
    const labels = this.#checks.labels(operation, options.labels)
    const path = this.#checks.path(operation, name)
    const payload = this.#checks.payload(operation, value)
    const endsAt = performance.now() + this.#guard.deadlineMs
    const write: Write = { operation, secretName: name, signal: options.signal, path, payload, token: crypto().randomUUID(), endsAt }
    return await this.#calls.track(this.#put(write, options, labels))
  }

  async #put(write: Write, { ifAbsent, ifVersion }: PutOptions, labels: Readonly<Record<string, string>>): Promise<{ readonly version: VersionId }> {
    try {
      if (ifAbsent !== undefined) {
        if (this.capabilities.create === 'checked' && ifAbsent === true) {
          throw this.#unsupported(write.operation, "this backend looks, then writes; ifAbsent: 'unsafe-check-then-write' accepts the race")
        }
        return { version: await this.#create(write, labels) }
      }
      if (ifVersion !== undefined) return { version: await this.#compareAndAppend(write, ifVersion) }
      return { version: await this.#upsert(write) }
    } finally {
      write.payload.bytes.fill(0)
    }
  }

  async *list(options: ListOptions = NO_OPTIONS): AsyncGenerator<SecretEntry> {
    const operation = 'list'
    this.#assertOpen(operation)
    checkOptions(operation, options, ['signal', 'prefix', 'withLabels'])
    const { prefix = '', withLabels = false } = options
    checkOneOf(operation, 'withLabels', withLabels, [true, false])
    if (typeof prefix !== 'string' || prefix.length > 1024 || !prefix.isWellFormed()) {
      throw SecretError.invalid(operation, 'prefix is well-formed text of at most 1024 characters')
    }
    // An encoded name does not always start with its encoded prefix (a hyphen at the cut), so names are compared decoded.
    const entries = this.#pages(operation, undefined, options.signal, (page, call) =>
      this.#driver.list({ prefix: this.#checks.prefix, withLabels, page }, call),
    )
    for await (const { path, createdAt, updatedAt, labels } of entries) {
      const name = this.#checks.nameOf(path)
      if (name?.startsWith(prefix) === true) yield { name, createdAt, updatedAt, labels: withLabels ? labels : undefined }
    }
  }

  async *versions(name: string, options: CallOptions = NO_OPTIONS): AsyncGenerator<DriverVersion> {
    const operation = 'versions'
    this.#assertOpen(operation)
    checkOptions(operation, options, ['signal'])
    const path = this.#checks.path(operation, name)
    yield* this.#pages(operation, name, options.signal, (page, call) => this.#driver.versions({ path, after: undefined, page }, call))
  }

  async destroyVersion(name: string, version: VersionId, options: CallOptions = NO_OPTIONS): Promise<void> {
    const operation = 'destroyVersion'
    this.#assertOpen(operation)
    checkOptions(operation, options, ['signal'])
    checkVersion(operation, version)
    const path = this.#checks.path(operation, name)
    await this.#guard.run({
      operation,
      secretName: name,
      signal: options.signal,
      afterUnknown: 'repeat',
      attempt: call => this.#driver.destroyVersion({ path, version }, call),
    })
  }

  async delete(name: string, options: DeleteOptions = NO_OPTIONS): Promise<Removal> {
    const operation = 'delete'
    this.#assertOpen(operation)
    checkOptions(operation, options, ['signal', 'purge'])
    const { purge = false } = options
    checkOneOf(operation, 'purge', purge, [true, false])
    const path = this.#checks.path(operation, name)
    if (!purge && this.capabilities.remove === 'immediate') {
      throw this.#unsupported(operation, 'this backend cannot take a removal back; say purge: true and mean it')
    }
    return await this.#guard.run({
      operation,
      secretName: name,
      signal: options.signal,
      afterUnknown: purge ? 'repeat' : 'never',
      attempt: call => this.#driver.remove({ path, purge }, call),
    })
  }

  async restore(name: string, options: CallOptions = NO_OPTIONS): Promise<void> {
    const operation = 'restore'
    this.#assertOpen(operation)
    checkOptions(operation, options, ['signal'])
    const path = this.#checks.path(operation, name)
    if (this.capabilities.remove === 'immediate') throw this.#unsupported(operation, 'this backend cannot take a removal back')
    await this.#guard.run({
      operation,
      secretName: name,
      signal: options.signal,
      afterUnknown: 'never',
      attempt: call => this.#driver.restore({ path }, call),
    })
  }

  async close(): Promise<void> {
    // A call of several requests is waited for as a whole, so the guard goes on taking them until then.
    await this.#calls.close(() => this.#guard.close())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #read(operation: string, secretName: string, path: NativePath, { signal, version: wanted }: GetOptions): Promise<StoredSecret> {
    const attempt = (call: DriverCall): ReturnType<SecretDriver['read']> => this.#driver.read({ path, version: wanted }, call)
    return this.#guard.run({ operation, secretName, signal, afterUnknown: 'read', attempt }, ({ payload, version }) => ({
      name: secretName,
      version,
      value: SecretValue.fromPayload(payload),
    }))
  }

  async #getOne(piece: readonly (readonly [NativePath, string])[], options: CallOptions): Promise<readonly GetOutcome[]> {
    return await Promise.all(
      piece.map(async ([path, name]) => {
        try {
          return { name, ok: true, secret: await this.#read('getMany', name, path, options) } as const
        } catch (error) {
          return { name, ok: false, error: asOutcome(error) } as const
        }
      }),
    )
  }

  async #getBatch(piece: readonly (readonly [NativePath, string])[], { signal }: CallOptions): Promise<readonly GetOutcome[]> {
    const operation = 'getMany'
    const paths = piece.map(([path]) => path)
    const failed = (name: string, error: SecretError): GetOutcome => ({ name, ok: false, error: error.in({ secretName: name }) })
    try {
      const answers = await this.#guard.run({ operation, signal, afterUnknown: 'read', attempt: call => this.#driver.readMany({ paths }, call) })
      const byPath = new Map(answers.map(answer => [answer.path, answer]))
      return piece.map(([path, name]): GetOutcome => {
        const answer = byPath.get(path)
        if (answer === undefined) return failed(name, this.#corrupt(operation))
        if ('failure' in answer) return failed(name, new SecretError({ ...answer.failure, effect: 'none', operation, store: this.#guard.label }))
        return { name, ok: true, secret: { name, version: answer.version, value: SecretValue.fromPayload(answer.payload) } }
      })
    } catch (error) {
      const outcome = asOutcome(error)
      return piece.map(([, name]) => failed(name, outcome))
    }
  }

  async #create(write: Write, labels: Readonly<Record<string, string>>): Promise<VersionId> {
    const { answer } = await createSecret(this.#guard, this.#driver, { ...write, withinMs: write.endsAt - performance.now(), labels })
    return answer.version
  }

  async #append(write: Write, after: VersionId | undefined, staged: boolean): Promise<VersionId> {
    const withinMs = write.endsAt - performance.now()
    const { answer } = await appendVersion(this.#guard, this.#driver, { ...write, withinMs, after, staged, resend: 'if_provable' })
    return answer.version
  }

  /** Append first, since most puts are to secrets that exist; then create; and round again when another writer came between. */
  async #upsert(write: Write): Promise<VersionId> {
    let uncertain = false
    const goOn = (error: unknown, code: SecretError['code']): void => {
      if (!(error instanceof SecretError)) throw error
      // An append without an answer came before: a refusal now does not say that it did nothing.
      uncertain ||= error.effect === 'unknown'
      if (error.code !== code) throw uncertain ? error.in({ effect: 'unknown' }) : error
    }
    for (let round = 1; ; round += 1) {
      try {
        return await this.#append(write, undefined, false)
      } catch (error) {
        goOn(error, 'not_found')
      }
      try {
        return await this.#create(write, {})
      } catch (error) {
        goOn(error, 'already_exists')
        // Others make and delete it faster than this call: neither code would mean anything to a put.
        if (round === PUT_ROUNDS && error instanceof SecretError) {
          throw error.in({ code: 'conflict', retryable: true, effect: uncertain ? 'unknown' : 'none' })
        }
      }
    }
  }

  async #compareAndAppend(write: Write, ifVersion: VersionId): Promise<VersionId> {
    const { appendAfter, current } = this.capabilities
    if (appendAfter === 'compared') return await this.#append(write, ifVersion, false)
    if (current !== 'on_promote') throw this.#unsupported(write.operation, 'this backend cannot compare versions, so ifVersion is not possible')
    // Where a version can be staged, moving the label is the comparison.
    const version = await this.#append(write, undefined, true)
    const { operation, secretName, signal, path, endsAt } = write
    const attempt = (call: DriverCall): Promise<void> => this.#driver.promote({ path, version, from: ifVersion }, call)
    try {
      await this.#guard.run({ operation, secretName, signal, withinMs: endsAt - performance.now(), afterUnknown: 'never', attempt })
    } catch (error) {
      if (error instanceof SecretError && error.effect === 'none') await this.#discard(write, version)
      throw error
    }
    return version
  }

  /** A staged version that lost: nobody reads it, so it is only tidied, and a failure to do so is not the caller's. */
  async #discard({ operation, path }: Write, version: VersionId): Promise<void> {
    const attempt = (call: DriverCall): Promise<void> => this.#driver.destroyVersion({ path, version }, call)
    await this.#guard.run({ operation, afterUnknown: 'repeat', attempt }).catch(() => {})
  }

  async *#pages<T>(
    operation: string,
    secretName: string | undefined,
    signal: AbortSignal | undefined,
    fetch: (page: string | undefined, call: DriverCall) => Promise<{ readonly items: readonly T[]; readonly next: string | undefined }>,
  ): AsyncGenerator<T> {
    let page: string | undefined
    do {
      this.#assertOpen(operation)
      const from = page
      const answer = await this.#guard.run({ operation, secretName, signal, afterUnknown: 'read', attempt: call => fetch(from, call) })
      yield* answer.items
      if (answer.next !== undefined && answer.next === from) throw this.#corrupt(operation)
      page = answer.next
    } while (page !== undefined)
  }

  /** @throws SecretError `closed` */
  #assertOpen(operation: string): void {
    this.#calls.assertOpen(operation, this.#guard.label)
  }

  #unsupported(operation: string, hint: string): SecretError {
    return SecretError.refused('unsupported', operation, { store: this.#guard.label, hint })
  }

  #corrupt(operation: string): SecretError {
    return SecretError.refused('corrupt', operation, { store: this.#guard.label, hint: 'the backend’s answer is incomplete' })
  }
}

interface Write {
  readonly operation: string
  readonly secretName: string
  readonly signal: AbortSignal | undefined
  readonly path: NativePath
  readonly payload: Payload
  /** One for the whole call, so that a backend that compares tokens takes a late attempt for the same one. */
  readonly token: string
  /** By `performance.now()`: the deadline holds for all the requests together. */
  readonly endsAt: number
}

/** In `getMany` the backend's trouble is an outcome; an abort and a closed store end the call. */
function asOutcome(error: unknown): SecretError {
  if (error instanceof SecretError && error.code !== 'aborted' && error.code !== 'closed') return error
  throw error
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  await Promise.all(
    Array.from({ length: Math.min(width, items.length) }, async () => {
      for (const item of rest) await work(item)
    }),
  )
}
