import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createSecretStore, type DriverCall, type DriverCapabilities, type DriverEntry, type DriverVersion, type NativePath } from '@strongroom/core'
import type { Payload, Removal, SecretDriver, SecretStore, StorePolicy, VersionId } from '@strongroom/core'
import type { DriverHarness, Hooks } from './harness.ts'
import { recordingDriver, type RecordingDriver } from './observed-driver.ts'
import type { Settings } from './options.ts'

/** A case that finds out while it runs that it says nothing about this backend. Reported as skipped, with the reason. */
export class SkipCase extends Error {}

/** A secret that a case made. */
export interface MadeSecret {
  readonly path: NativePath
  readonly version: VersionId
  readonly token: string
  readonly fullPath: string
}

const encoder = new TextEncoder()

export function text(value: string): Payload {
  return { bytes: encoder.encode(value), text: true }
}

export function binary(bytes: Uint8Array | readonly number[]): Payload {
  return { bytes: Uint8Array.from(bytes), text: false }
}

/** What a case works with: the driver, unique names under the run's prefix, and the long-winded calls made short. */
export class CaseContext {
  readonly driver: SecretDriver
  /** Only those that the case's `needs` name are sure to be there. */
  readonly hooks: Hooks
  readonly settings: Settings
  /** Native prefix of everything that this case makes. */
  readonly prefix: string
  /** Another harness from the same `start`, for cases that close or break theirs; disposed of when the case ends. */
  readonly fresh: () => Promise<DriverHarness>
  /** Requests of each operation, for the report. */
  readonly calls: Record<string, number>
  /** What one case of the run has found out and others need not: how many requests a call of the driver makes. */
  readonly learned: Map<string, number>
  #made = 0

  constructor(parts: {
    readonly driver: SecretDriver
    readonly harness: DriverHarness
    readonly settings: Settings
    readonly prefix: string
    readonly fresh: () => Promise<DriverHarness>
    readonly calls: Record<string, number>
    readonly learned: Map<string, number>
  }) {
    this.driver = parts.driver
    this.hooks = parts.harness as Hooks
    this.settings = parts.settings
    this.prefix = parts.prefix
    this.fresh = parts.fresh
    this.calls = parts.calls
    this.learned = parts.learned
  }

  get capabilities(): DriverCapabilities {
    return this.driver.capabilities
  }

  skip(reason: string): never {
    throw new SkipCase(reason)
  }

  /** A name that nothing else in this case has, in the alphabet that every encoding leaves alone. */
  name(): string {
    this.#made += 1
    // Eight characters after the hyphen: AWS takes a hyphen and six for a part of its ARN.
    return `item${String(this.#made).padStart(4, '0')}`
  }

  path(suffix: string = this.name()): NativePath {
    return `${this.prefix}${suffix}` as NativePath
  }

  call(signal: AbortSignal = new AbortController().signal): DriverCall {
    return { signal, attempt: 1 }
  }

  /** A store over the driver that records requests, under this case's prefix unless the policy says otherwise. */
  recorded(policy: StorePolicy = {}, driver: SecretDriver = this.driver): RecordingDriver & { readonly store: SecretStore } {
    const recording = recordingDriver(driver)
    return { ...recording, store: createSecretStore(recording.driver, { prefix: this.prefix, ...policy }) }
  }

  store(policy: StorePolicy = {}, driver: SecretDriver = this.driver): SecretStore {
    return this.recorded(policy, driver).store
  }

  async create(
    payload: Payload | string = 'a value',
    options: { readonly path?: NativePath; readonly labels?: Readonly<Record<string, string>>; readonly token?: string } = {},
  ): Promise<MadeSecret> {
    const { path = this.path(), labels = {}, token = randomUUID() } = options
    const { version, fullPath } = await this.driver.create({ path, payload: payloadOf(payload), labels, token }, this.call())
    return { path, version, token, fullPath }
  }

  async append(
    path: NativePath,
    payload: Payload | string,
    options: { readonly token?: string; readonly after?: VersionId; readonly staged?: boolean } = {},
  ): Promise<VersionId> {
    const { token = randomUUID(), after, staged = false } = options
    return (await this.driver.append({ path, payload: payloadOf(payload), token, after, staged }, this.call())).version
  }

  async read(path: NativePath, version?: VersionId, driver: SecretDriver = this.driver): Promise<{ payload: Payload; version: VersionId }> {
    return await driver.read({ path, version }, this.call())
  }

  async readText(path: NativePath, version?: VersionId, driver: SecretDriver = this.driver): Promise<string> {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode((await this.read(path, version, driver)).payload.bytes)
  }

  /** All versions, page by page. */
  async versions(path: NativePath, after?: VersionId, driver: SecretDriver = this.driver): Promise<DriverVersion[]> {
    return await allPages(page => driver.versions({ path, after, page }, this.call()))
  }

  /** All entries under a native prefix, page by page. */
  async list(prefix: string = this.prefix, withLabels: boolean = false): Promise<DriverEntry[]> {
    return await allPages(page => this.driver.list({ prefix, withLabels, page }, this.call()))
  }

  async purge(path: NativePath): Promise<Removal> {
    return await this.driver.remove({ path, purge: true }, this.call())
  }

  /** Purges, and asks again while the backend is at it. A backend that keeps what is purged cannot show what follows. */
  async purgeWholly(path: NativePath): Promise<void> {
    for (let tries = 0; tries < 50; tries += 1) {
      const removal = await this.purge(path)
      if (removal.state === 'gone') return
      if (removal.state === 'retained') this.skip('the backend retains what is purged')
      await delay(Math.min(removal.retryAfterMs, 1_000))
    }
    this.skip('the backend did not finish a purge in time')
  }

  /** Repeats a check until it holds or `settleMs` has passed: for lists and names, which may lag on some backends. */
  async settled(check: () => Promise<void>): Promise<void> {
    const until = performance.now() + this.settings.settleMs
    for (;;) {
      try {
        return await check()
      } catch (error) {
        if (error instanceof SkipCase || performance.now() >= until) throw error
      }
      await delay(100)
    }
  }
}

function payloadOf(payload: Payload | string): Payload {
  return typeof payload === 'string' ? text(payload) : payload
}

const MAX_PAGES = 1_000

/** Follows `next` to the end; a token that leads nowhere new would do so for ever. */
export async function allPages<Item>(
  fetch: (page: string | undefined) => Promise<{ readonly items: readonly Item[]; readonly next: string | undefined }>,
): Promise<Item[]> {
  const items: Item[] = []
  let page: string | undefined
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const answer = await fetch(page)
    items.push(...answer.items)
    if (answer.next === undefined) return items
    page = answer.next
  }
  throw new Error(`the pages do not end: ${MAX_PAGES} and still a next one`)
}
