import type { CallOptions, MetadataStore } from '@strongroom/core'
import { unanswered } from '@strongroom/crash/lost-answers'
import { changed } from '@strongroom/testbed'

/** What befalls a transaction: so many tries of it are done or not done, and get no answer. */
interface Fate {
  readonly isDone: boolean
  readonly isForGood: boolean
  readonly tries: number
}

/** So often a registry asks for one thing. Whoever asks for it later, such as recovery, is answered. */
const ALL = 4

/** Of the transactions of the write protocol. */
const ONCE = 0.06
const FOR_GOOD = 0.012

/** What was lost since it was asked last. */
export interface Lost {
  readonly answers: number
  /** Something may be held now by nobody: a record by an intent, an intent or a task by a claim. Only the end of its lease frees it. */
  readonly holds: boolean
}

/**
 * The database's answers that do not arrive, by random numbers that the seed makes. What is asked for again by its token is the same transaction;
 * a claim has none, and is another one each time.
 */
export class LostAnswers {
  #random: (() => number) | undefined
  readonly #fates = new Map<string, Fate>()
  #lost: Lost = { answers: 0, holds: false }

  /** Undefined: none are lost from now on. */
  begin(random: (() => number) | undefined): void {
    this.#random = random
    this.#fates.clear()
  }

  take(): Lost {
    const lost = this.#lost
    this.#lost = { answers: 0, holds: false }
    return lost
  }

  metadata(store: MetadataStore): MetadataStore {
    const losing = <Request extends { readonly token: string }, Answer>(
      name: string,
      transaction: (request: Request, call: CallOptions) => Promise<Answer>,
    ): typeof transaction => {
      return (request, call) => this.#perhaps(`${name} ${request.token}`, () => transaction(request, call))
    }
    return changed(store, {
      beginCreate: losing('beginCreate', (request, call) => store.beginCreate(request, call)),
      beginUpdate: losing('beginUpdate', (request, call) => store.beginUpdate(request, call)),
      commitCreate: losing('commitCreate', (request, call) => store.commitCreate(request, call)),
      commitUpdate: losing('commitUpdate', (request, call) => store.commitUpdate(request, call)),
      abandon: losing('abandon', (request, call) => store.abandon(request, call)),
      updateDescription: losing('updateDescription', (request, call) => store.updateDescription(request, call)),
      commitRollback: losing('commitRollback', (request, call) => store.commitRollback(request, call)),
      commitDelete: losing('commitDelete', (request, call) => store.commitDelete(request, call)),
      settleQueue: (request, call) => this.#perhaps(`settleQueue ${request.id} ${request.claim}`, () => store.settleQueue(request, call)),
      claimQueue: (request, call) => this.#perhaps(undefined, () => store.claimQueue(request, call)),
      claimExpiredIntents: (request, call) => this.#perhaps(undefined, () => store.claimExpiredIntents(request, call)),
    })
  }

  /** `transaction`: its name; undefined for a claim. */
  async #perhaps<Answer>(name: string | undefined, transaction: () => Promise<Answer>): Promise<Answer> {
    const known = name === undefined ? undefined : this.#fates.get(name)
    const fate = known ?? this.#draw()
    if (name !== undefined && fate !== undefined) this.#fates.set(name, { ...fate, tries: fate.tries - 1 })
    if (fate === undefined || fate.tries <= 0) return await transaction()
    const holds = fate.isForGood || (name === undefined && fate.isDone)
    this.#lost = { answers: this.#lost.answers + 1, holds: this.#lost.holds || holds }
    return await unanswered(fate.isDone, transaction)
  }

  #draw(): Fate | undefined {
    const random = this.#random
    if (random === undefined) return undefined
    const luck = random()
    return luck < ONCE + FOR_GOOD ? { isDone: random() < 0.5, isForGood: luck >= ONCE, tries: luck >= ONCE ? ALL : 1 } : undefined
  }
}
