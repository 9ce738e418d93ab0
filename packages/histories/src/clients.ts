import { setTimeout as delay } from 'node:timers/promises'
import { isSecretError } from '@strongroom/core'
import { seeded, seedOf } from '@strongroom/testbed'
import { nanosecondsSince } from './clock.ts'
import { isUnknown, type Answer, type Part, type ToParent, type Wish } from './messages.ts'
import { askedOf, type Requests } from './requests.ts'
import type { Worker } from './worker.ts'

interface Scene {
  readonly origin: string
  /** What clients of this process and of others have asked for with an idempotency key. */
  readonly requests: Requests
  readonly tell: (message: ToParent) => Promise<void>
}

/** What is asked for: a new wish, or one that somebody has had before. */
interface Ask {
  readonly key: string
  readonly wish: Wish
}

const AGAIN = 0.15
const LOSS_TOLD_MS = 200

/** The clients of one process, all at once, and upkeep meanwhile. Each call is told before it is made, so that a death in it is known. */
export async function play(workers: readonly Worker[], part: Part, scene: Scene): Promise<void> {
  const wait = (part.startAt - nanosecondsSince(scene.origin)) / 1e6
  if (wait > 0) await delay(wait)
  const known = new Known()
  let isOver = false
  const [first] = workers
  if (first === undefined) throw new Error('not open')
  for (const [index, { lostAnswers }] of workers.entries()) {
    lostAnswers.begin(part.loses ? seeded(seedOf(part.seed, `${part.process} loses ${index}`)) : undefined)
  }
  // At once, since a client may be waiting for what is held.
  const telling = setInterval(() => void tellLost(workers, scene), LOSS_TOLD_MS)
  const upkeep = part.maintains ? maintain(first, () => isOver) : undefined
  const clients = Array.from({ length: part.clients }, (_, index) =>
    client(`${part.process}.${index + 1}`, workers[index % workers.length] ?? first, part, known, scene),
  )
  await Promise.all(clients)
  isOver = true
  await upkeep
  clearInterval(telling)
  await tellLost(workers, scene)
}

async function client(name: string, worker: Worker, part: Part, known: Known, { origin, requests, tell }: Scene): Promise<void> {
  const random = seeded(seedOf(part.seed, name))
  let open: Ask | undefined
  for (let number = 1; number <= part.operations; number += 1) {
    const by = `${name}.${number}`
    const { key, wish } = open ?? next(by, part, known, requests, random)
    if (part.only === undefined && random() < 0.3) await delay(random() * 10)
    await tell({ type: 'called', call: { by, client: name, key, wish, at: nanosecondsSince(origin) } })
    const asked = askedOf(key, wish)
    if (asked?.wish.request === by) requests.learn(asked)
    const answer = await worker.perform(part.account, key, by, wish)
    await tell({ type: 'answered', by, at: nanosecondsSince(origin), answer })
    known.learn(key, wish, answer)
    // Whoever does not know what became of a request asks again.
    open = asked !== undefined && isUnknown(answer) ? asked : undefined
  }
}

function next(by: string, part: Part, known: Known, requests: Requests, random: () => number): Ask {
  const key = part.keys[Math.floor(random() * part.keys.length)] ?? ''
  const what = `${by} in ${part.account}`
  if (part.only === 'create') return { key, wish: createOf(what) }
  const again = random() < AGAIN ? requests.again(random) : undefined
  return again ?? { key, wish: wishOf(what, random() < 0.4 ? by : undefined, known.of(key), random) }
}

interface KnownRecord {
  readonly id: string
  readonly revision: number
  /** Versions that the record has had. */
  readonly versions: readonly string[]
}

/** The record that this process has seen last at each key: it may be an older one, or gone, and may not keep those versions any more. */
class Known {
  readonly #records = new Map<string, KnownRecord>()

  of(key: string): KnownRecord | undefined {
    return this.#records.get(key)
  }

  learn(key: string, wish: Wish, answer: Answer): void {
    const old = this.#records.get(key)
    if (answer.state === 'done' && answer.id !== undefined && answer.seen !== undefined) {
      const { id, seen } = answer
      this.#records.set(key, { id, revision: seen.revision, versions: old?.id === id ? old.versions : [] })
    } else if (answer.state === 'kept' && wish.kind === 'versions' && old?.id === wish.id) {
      const seen = answer.versions.map(({ version }) => version)
      this.#records.set(key, { ...old, versions: [...new Set([...seen, ...old.versions])] })
    } else if (answer.state === 'failed' && answer.code === 'not_found' && wish.kind !== 'rollback') this.#records.delete(key)
  }
}

function createOf(what: string, request?: string): Wish {
  return { kind: 'create', value: `value of ${what}`, description: `description of ${what}`, request }
}

function wishOf(what: string, request: string | undefined, record: KnownRecord | undefined, random: () => number): Wish {
  const kind = random()
  const value = `value of ${what}`
  const description = `description of ${what}`
  const ifRevision = random() < 0.5 ? record?.revision : undefined
  if (kind < (record === undefined ? 0.35 : 0.12)) return createOf(what, request)
  if (kind < 0.2 || record === undefined) return { kind: 'read key' }
  const { id, versions } = record
  if (kind < 0.37) return { kind: 'update', id, value, ifRevision, request }
  if (kind < 0.45) return { kind: 'update', id, value, description, ifRevision, request }
  if (kind < 0.53) return { kind: 'update', id, description, ifRevision, request }
  if (kind < 0.58) return { kind: 'delete', id, ifRevision }
  const version = versions[Math.floor(random() * versions.length)]
  if (kind < 0.64 || (kind < 0.82 && version === undefined)) return { kind: 'versions', id }
  if (kind < 0.82 && version !== undefined) return { kind: 'rollback', id, version, ifRevision: random() < 0.75 ? record.revision : undefined }
  if (kind < 0.87) return { kind: 'describe', id }
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

async function tellLost(workers: readonly Worker[], { tell }: Scene): Promise<void> {
  for (const { lostAnswers } of workers) {
    const lost = lostAnswers.take()
    if (lost.answers > 0) await tell({ type: 'lost', lost })
  }
}
