import { setTimeout as delay } from 'node:timers/promises'
import { isSecretError } from '@strongroom/core'
import { seeded, seedOf } from '@strongroom/testbed'
import { nanosecondsSince } from './clock.ts'
import type { Answer, Part, ToParent, Wish } from './messages.ts'
import type { Worker } from './worker.ts'

type Tell = (message: ToParent) => Promise<void>

/** The clients of one process, all at once, and upkeep meanwhile. Each call is told before it is made, so that a death in it is known. */
export async function play(workers: readonly Worker[], part: Part, origin: string, tell: Tell): Promise<void> {
  const wait = (part.startAt - nanosecondsSince(origin)) / 1e6
  if (wait > 0) await delay(wait)
  const known = new Known()
  let isOver = false
  const [first] = workers
  if (first === undefined) throw new Error('not open')
  const upkeep = part.maintains ? maintain(first, () => isOver) : undefined
  const clients = Array.from({ length: part.clients }, (_, index) =>
    client(`${part.process}.${index + 1}`, workers[index % workers.length] ?? first, part, origin, known, tell),
  )
  await Promise.all(clients)
  isOver = true
  await upkeep
}

async function client(name: string, worker: Worker, part: Part, origin: string, known: Known, tell: Tell): Promise<void> {
  const random = seeded(seedOf(part.seed, name))
  for (let number = 1; number <= part.operations; number += 1) {
    const by = `${name}.${number}`
    const key = part.keys[Math.floor(random() * part.keys.length)] ?? ''
    const wish = wishOf(`${by} in ${part.account}`, known.of(key), part.only === undefined ? random : () => 0)
    if (part.only === undefined && random() < 0.3) await delay(random() * 10)
    await tell({ type: 'called', call: { by, client: name, key, wish, at: nanosecondsSince(origin) } })
    const answer = await worker.perform(part.account, key, by, wish)
    await tell({ type: 'answered', by, at: nanosecondsSince(origin), answer })
    known.learn(key, answer)
  }
}

/** The record that this process has seen last at each key: it may be an older one, or gone. */
class Known {
  readonly #records = new Map<string, { readonly id: string; readonly revision: number }>()

  of(key: string): { readonly id: string; readonly revision: number } | undefined {
    return this.#records.get(key)
  }

  learn(key: string, answer: Answer): void {
    if (answer.state === 'done' && answer.id !== undefined && answer.seen !== undefined) {
      this.#records.set(key, { id: answer.id, revision: answer.seen.revision })
    }
  }
}

function wishOf(what: string, record: { readonly id: string; readonly revision: number } | undefined, random: () => number): Wish {
  const kind = random()
  const value = `value of ${what}`
  const description = `description of ${what}`
  const ifRevision = random() < 0.5 ? record?.revision : undefined
  if (kind < 0.2) return { kind: 'create', value, description }
  if (kind < 0.35 || record === undefined) return { kind: 'read key' }
  const { id } = record
  if (kind < 0.55) return { kind: 'update', id, value, ifRevision }
  if (kind < 0.65) return { kind: 'update', id, value, description, ifRevision }
  if (kind < 0.75) return { kind: 'update', id, description, ifRevision }
  if (kind < 0.83) return { kind: 'delete', id, ifRevision }
  if (kind < 0.9) return { kind: 'describe', id }
  return kind < 0.95 ? { kind: 'read', id } : { kind: 'list' }
}

/** One pass after another; what a pass could not do is for the next. */
async function maintain({ registry }: Worker, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await registry.maintain().catch((error: unknown) => {
      if (!isSecretError(error)) throw error
    })
    await delay(20)
  }
}
