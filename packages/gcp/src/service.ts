import { finding, unlessFailed, type DriverCall, type Fields, type NativePath, type Payload } from '@strongroom/core/driver-support'
import { answers, crc32c, numberOf, payloadOf } from './answers.ts'
import { classify, CODE, codeOf } from './classify.ts'
import { Connection } from './client.ts'
import type { GcpOptions } from './options.ts'
import { isVersion, nameIn, parentOf } from './paths.ts'

interface NumberedPayload {
  readonly number: number
  readonly payload: Payload
}

/** A version that is there; `error` says why it cannot be read. */
type Found = NumberedPayload | { readonly number: number; readonly payload?: never; readonly error: unknown }

export const MAX_BYTES = 65_536
const SEEN = 10_000

/** Google's secrets and versions, by path and number, as far as more than one call needs them. */
export class Service extends Connection {
  readonly parent: string
  /** Numbers of the newest versions that were written or read here, of the secrets that were used last. */
  readonly #seen = new Map<NativePath, number>()

  constructor(options: GcpOptions) {
    super(options)
    this.parent = parentOf(options)
  }

  /** @throws DriverFinding `invalid_argument` for a path that Google does not take */
  name(path: NativePath): string {
    return nameIn(this.parent, path)
  }

  versionName(path: NativePath, version: number | string): string {
    return `${this.name(path)}/versions/${version}`
  }

  /** @throws DriverFinding before anything is sent, for a value that Google does not take */
  checkValue({ bytes }: Payload): void {
    if (bytes.byteLength === 0) throw finding('invalid_argument', { hint: 'the value is empty' })
    if (bytes.byteLength > MAX_BYTES) throw finding('too_large', { hint: `the value has more than ${MAX_BYTES} bytes` })
  }

  async add(path: NativePath, value: Payload, call: DriverCall): Promise<number> {
    this.checkValue(value)
    const { bytes } = value
    const payload = { data: bytes, dataCrc32c: String(crc32c(bytes)) }
    const number = numberOf(await this.send('addSecretVersion', { parent: this.name(path), payload }, call), path, 'unknown')
    this.#remember(path, number)
    return number
  }

  access(path: NativePath, version: number | string, call: DriverCall): Promise<NumberedPayload> {
    return this.send('accessSecretVersion', { name: this.versionName(path, version) }, call, answer => {
      const number = numberOf(answer, path, 'none')
      if (typeof version === 'number' && version !== number) throw answers.damaged()
      return { number, payload: payloadOf(answer) }
    })
  }

  /** A version without its value; undefined where there is none of that number. */
  look(path: NativePath, number: number, call: DriverCall): Promise<Fields | undefined> {
    return unlessMissing(this.send('getSecretVersion', { name: this.versionName(path, number) }, call))
  }

  /**
   * The newest version. `latest` may be minutes old, an access by number is not: so what was seen here already, and with
   * `confirm` whatever else is newer, is asked for by number. @throws not_found, or why the newest one cannot be read
   */
  async newest(path: NativePath, confirm: boolean, call: DriverCall): Promise<NumberedPayload> {
    let found = await this.#find(path, 'latest', call)
    const seen = this.#seen.get(path) ?? 0
    if (seen > (found?.number ?? 0)) {
      const newer = await this.#find(path, seen, call)
      // Without it the secret is another one: it was removed, and made again.
      if (newer === undefined) this.forget(path)
      found = newer ?? found
    }
    while (confirm) {
      const newer = await this.#find(path, (found?.number ?? 0) + 1, call)
      if (newer === undefined) break
      found = newer
    }
    if (found === undefined) throw finding('not_found')
    if (found.payload === undefined) throw found.error
    this.#remember(path, found.number)
    return found
  }

  forget(path: NativePath): void {
    this.#seen.delete(path)
  }

  async #find(path: NativePath, version: number | 'latest', call: DriverCall): Promise<Found | undefined> {
    try {
      return await this.access(path, version, call)
    } catch (error) {
      if (codeOf(error) === CODE.notFound) return undefined
      const number = typeof version === 'number' ? version : blockedNumber(error)
      if (number === undefined || classify(error).code !== 'version_unusable') throw error
      return { number, error }
    }
  }

  #remember(path: NativePath, number: number): void {
    const newest = Math.max(number, this.#seen.get(path) ?? 0)
    this.#seen.delete(path)
    this.#seen.set(path, newest)
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= SEEN) break
      this.#seen.delete(oldest)
    }
  }
}

/** The number in the refusal of a version that is disabled or destroyed, which has nothing else to tell it by. */
function blockedNumber(error: unknown): number | undefined {
  const [, number = ''] = /\/versions\/(\d+)\b/.exec((error as Error).message) ?? []
  return isVersion(number) ? Number(number) : undefined
}

export function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  return unlessFailed(work, error => codeOf(error) === CODE.notFound)
}
