import { randomBytes } from 'node:crypto'

export interface Version {
  /** 32 hex digits. */
  readonly id: string
  readonly value: string
  readonly contentType: string | undefined
  readonly enabled: boolean
  /** Seconds since 1970, as `exp`, `created` and `updated` are. */
  readonly nbf: number | undefined
  readonly exp: number | undefined
  readonly created: number
  readonly updated: number
  readonly tags: Readonly<Record<string, string>> | undefined
  /** The key of the certificate that this secret belongs to. */
  readonly kid: string | undefined
}

/** Where a secret is in its life at some time. `gone`: as if it had never been. */
export type Phase = 'active' | 'deleting' | 'deleted' | 'recovering' | 'purging' | 'gone'

/** A secret as one write left it; never changed, so that lists can show what was. Times are milliseconds since 1970. */
export interface Secret {
  /** As it was written first. */
  readonly name: string
  /** Oldest first; the last is what a reader gets who names none. */
  readonly versions: readonly [Version, ...Version[]]
  /** A certificate's own secret, which only the certificate may change. */
  readonly managed: boolean
  readonly writtenAt: number
  readonly became: 'active' | 'deleted' | 'purged'
  /** When what it became is to be seen; until then it is on the way there. */
  readonly settlesAt: number
  /** Of a deleted one: when the vault lets go of it by itself. */
  readonly purgesAt: number
}

export function phaseAt(secret: Secret | undefined, now: number): Phase {
  if (secret === undefined || now >= secret.purgesAt) return 'gone'
  const settled = now >= secret.settlesAt
  if (secret.became === 'active') return settled ? 'active' : 'recovering'
  if (secret.became === 'deleted') return settled ? 'deleted' : 'deleting'
  return settled ? 'gone' : 'purging'
}

export const newest = ({ versions }: Secret): Version => versions.at(-1) ?? versions[0]

export const newVersionId = (): string => randomBytes(16).toString('hex')

/** Names are the same in small and capital letters. */
export const keyOf = (name: string): string => name.toLowerCase()

/** All secrets, each with what it was before, as far back as lists look. */
export class Secrets {
  readonly #histories = new Map<string, readonly Secret[]>()

  get(name: string): Secret | undefined {
    return this.#histories.get(keyOf(name))?.at(-1)
  }

  /** @param listTime what is older than what lists show now is forgotten */
  put(secret: Secret, listTime: number): void {
    const history = [...(this.#histories.get(keyOf(secret.name)) ?? []), secret]
    const shown = history.findLastIndex(({ writtenAt }) => writtenAt <= listTime)
    this.#histories.set(keyOf(secret.name), history.slice(Math.max(0, shown)))
  }

  /** A secret as it was at that time; undefined when it had not been written. */
  at(name: string, time: number): Secret | undefined {
    return this.#histories.get(keyOf(name))?.findLast(({ writtenAt }) => writtenAt <= time)
  }

  /** All as they were at that time, in the order of their names. */
  allAt(time: number): readonly Secret[] {
    return [...this.#histories.keys()]
      .toSorted()
      .map(name => this.at(name, time))
      .filter(secret => secret !== undefined)
  }
}
