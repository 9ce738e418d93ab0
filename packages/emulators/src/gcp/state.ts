import type { MovableClock } from '../shared/clock.ts'
import type { GcpLag } from './gcp-controls.ts'
import type { Micros, Secret, Version } from './resources.ts'

interface Entry {
  /** Milliseconds. */
  readonly at: number
  /** Undefined: there was none. */
  readonly secret: Secret | undefined
}

/** The secrets, with as much of what they were as reads that lag behind can ask for. */
export class Store {
  readonly #clock: MovableClock
  readonly #lag: GcpLag
  readonly #histories = new Map<string, readonly Entry[]>()
  #lastStamp: Micros = 0

  constructor(clock: MovableClock, lag: GcpLag) {
    this.#clock = clock
    this.#lag = lag
  }

  /** A time that no other change has: it orders them, and makes etags. */
  stamp(): Micros {
    this.#lastStamp = Math.max(this.#lastStamp + 1, this.#clock.now() * 1000)
    return this.#lastStamp
  }

  /** The secret as it was so many milliseconds ago. */
  get(location: string | undefined, id: string, lagMs = 0): Secret | undefined {
    return this.#at(this.#histories.get(keyOf(location, id)) ?? [], this.#clock.now() - lagMs)
  }

  /** The secrets of a location as they were so many milliseconds ago, in no order. */
  list(location: string | undefined, lagMs: number): readonly Secret[] {
    const at = this.#clock.now() - lagMs
    const all = [...this.#histories.values()].map(history => this.#at(history, at))
    return all.filter(secret => secret !== undefined && secret.location === location) as Secret[]
  }

  put(secret: Secret): void {
    this.#change(secret.location, secret.id, secret)
  }

  remove({ location, id }: Secret): void {
    this.#change(location, id, undefined)
  }

  #change(location: string | undefined, id: string, secret: Secret | undefined): void {
    const key = keyOf(location, id)
    const now = this.#clock.now()
    const old = this.#histories.get(key) ?? []
    const oldest = now - Math.max(...Object.values(this.#lag))
    if (secret === undefined && oldest === now) return void this.#histories.delete(key)
    // The newest entry that the slowest read sees, and what came after it.
    const from = Math.max(
      0,
      old.findLastIndex(({ at }) => at <= oldest),
    )
    this.#histories.set(key, [...old.slice(from), { at: now, secret }])
  }

  #at(history: readonly Entry[], at: number): Secret | undefined {
    const secret = history.findLast(entry => entry.at <= at)?.secret
    if (secret === undefined || isOver(secret.expireTime, at)) return undefined
    const isDue = ({ scheduledDestroyTime }: Version): boolean => isOver(scheduledDestroyTime, at)
    return secret.versions.some(isDue) ? { ...secret, versions: secret.versions.map(each => (isDue(each) ? destroyed(each) : each)) } : secret
  }
}

function destroyed(version: Version): Version {
  return {
    ...version,
    state: 'DESTROYED',
    destroyTime: version.scheduledDestroyTime,
    scheduledDestroyTime: undefined,
    data: Buffer.alloc(0),
    etag: `${version.etag.slice(0, -1)}d"`,
  }
}

function isOver(time: Micros | undefined, at: number): boolean {
  return time !== undefined && time <= at * 1000
}

function keyOf(location: string | undefined, id: string): string {
  return `${location ?? ''}/${id}`
}
