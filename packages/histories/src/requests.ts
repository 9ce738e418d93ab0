import type { Asked, Wish } from './messages.ts'

/** What is repeated is mostly what was asked for last: it may be under way. */
const RECENT = 4
const OTHER = 0.15

/** The writes with an idempotency key that a process knows of, its own and others'. Any client may ask for them again. */
export class Requests {
  readonly #asked: Asked[] = []

  learn(asked: Asked): void {
    this.#asked.push(asked)
  }

  /** One to ask for again, or another request with the key of one, which is to be refused once the first has begun. */
  again(random: () => number): Asked | undefined {
    const recent = random() < 0.7 ? this.#asked.slice(-RECENT) : this.#asked
    const asked = recent[Math.floor(random() * recent.length)]
    return asked === undefined || random() >= OTHER ? asked : { ...asked, wish: otherThan(asked.wish) }
  }
}

/** The write as one that others may ask for again; undefined without an idempotency key. */
export function askedOf(key: string, wish: Wish): Asked | undefined {
  if ((wish.kind !== 'create' && wish.kind !== 'update') || wish.request === undefined) return undefined
  return { key, wish: { ...wish, request: wish.request } }
}

function otherThan(wish: Asked['wish']): Asked['wish'] {
  if (wish.value !== undefined) return { ...wish, value: `another ${wish.value}` }
  return { ...wish, description: `another ${wish.description}` }
}
