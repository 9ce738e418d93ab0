import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isSecretError } from '@strongroom/core'
import type { Service } from './service.ts'

const READERS = 4
const PAUSE_MS = 2

interface Secret {
  readonly key: string
  /** The number of the last value that was acknowledged, and of the last that was sent. */
  acknowledged: number
  sent: number
  isWritten: boolean
}

export interface Counts {
  reads: number
  failedReads: number
  staleReads: number
  updates: number
  failedUpdates: number
  created: number
  deleted: number
}

/**
 * Reads and writes all the time, and judges every read: it must give a value that was sent, no older than the last one acknowledged before
 * the read began. A value is its key and number in text, and behind that bytes that the number makes, of any size and kind.
 */
export class Load {
  readonly counts: Counts = { reads: 0, failedReads: 0, staleReads: 0, updates: 0, failedUpdates: 0, created: 0, deleted: 0 }
  readonly problems: string[] = []
  readonly #service: Service
  readonly #secrets: Secret[] = []
  readonly #values = new Map<string, Uint8Array>()
  readonly #loops: Promise<void>[] = []
  #stops = false

  constructor(service: Service) {
    this.#service = service
  }

  async begin(secrets: number): Promise<void> {
    for (let index = 0; index < secrets; index += 1) await this.#create(`secret-${index}`)
    for (let reader = 0; reader < READERS; reader += 1) this.#loops.push(this.#loop(() => this.#read()))
    this.#loops.push(
      this.#loop(() => this.#update()),
      this.#loop(() => this.#replace()),
    )
  }

  async end(): Promise<void> {
    this.#stops = true
    await Promise.all(this.#loops)
  }

  /** Every secret once, byte by byte. */
  async compareAll(): Promise<number> {
    for (const secret of this.#secrets) await this.#readOne(secret)
    return this.#secrets.length
  }

  async #loop(step: () => Promise<void>): Promise<void> {
    while (!this.#stops) {
      await step()
      await sleep(PAUSE_MS)
    }
  }

  async #create(key: string): Promise<void> {
    const secret: Secret = { key, acknowledged: 0, sent: 0, isWritten: true }
    await this.#service.create(key, this.#value(key, 0))
    this.counts.created += 1
    secret.isWritten = false
    this.#secrets.push(secret)
  }

  async #read(): Promise<void> {
    await this.#readOne(this.#any())
  }

  async #readOne(secret: Secret): Promise<void> {
    const { key, acknowledged } = secret
    try {
      const read = Buffer.from(await this.#service.read(key))
      this.counts.reads += 1
      const number = Number(/^\S+ (\d+) /.exec(read.toString('latin1'))?.[1] ?? -1)
      const isWhole = read.equals(this.#values.get(`${key} ${number}`) ?? Buffer.of())
      if (isWhole && number >= acknowledged && number <= secret.sent) return
      this.counts.staleReads += 1
      this.problems.push(`${key}: read ${number}, at least ${acknowledged} was due`)
    } catch (error) {
      this.counts.failedReads += 1
      this.problems.push(`${key}: ${isSecretError(error) ? error.message : String(error)}`)
    }
  }

  async #update(): Promise<void> {
    const secret = this.#any()
    if (secret.isWritten) return
    secret.isWritten = true
    const number = (secret.sent += 1)
    try {
      await this.#service.update(secret.key, this.#value(secret.key, number))
      secret.acknowledged = number
      this.counts.updates += 1
    } catch (error) {
      this.counts.failedUpdates += 1
      this.problems.push(`update of ${secret.key}: ${isSecretError(error) ? error.message : String(error)}`)
    } finally {
      secret.isWritten = false
    }
  }

  /** One goes, another comes: a migration must not be confused by either. */
  async #replace(): Promise<void> {
    const key = `short-lived-${this.counts.created}`
    await this.#service.create(key, this.#value(key, 0))
    this.counts.created += 1
    await this.#service.delete(key)
    this.counts.deleted += 1
    await sleep(20)
  }

  #any(): Secret {
    return this.#secrets[Math.floor(Math.random() * this.#secrets.length)] as Secret
  }

  #value(key: string, number: number): Uint8Array {
    const rest = number % 2 === 0 ? randomBytes(Math.floor(Math.random() * 2000)) : Buffer.from('é漢字🔐'.repeat(1 + (number % 50)))
    const value = Buffer.concat([Buffer.from(`${key} ${number} `), rest])
    this.#values.set(`${key} ${number}`, value)
    return value
  }
}
