import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import {
  isSecretError,
  SecretError,
  updateIntent,
  withoutPointer,
  type Answered,
  type CallOptions,
  type CommitOutcome,
  type MetadataStore,
  type RequestOf,
  type SecretRecord,
  type StoredRecord,
} from '@strongroom/core'
import { changed } from '@strongroom/testbed'

/**
 * A rule of the database taken out, by what stands before it in each process. The checker must see each. What has an idempotency key is
 * left as it is by those that are not about that, so that they are not seen by a request that has been forgotten.
 */
type Fault = (metadata: MetadataStore) => MetadataStore

const FAULTS: Readonly<Record<string, Fault>> = {
  'no compare-and-set': withoutCompare,
  'no unique intent': withoutUniqueIntent,
  'a record is read from a cache': withStaleReads,
  'a commit is acknowledged before it is done': withEarlyAnswers,
  'a rollback does not compare': withoutCompareOfRollbacks,
  'a request is forgotten': withoutRequests,
  'a repeat is answered with the record of today': withLateAnswers,
  'a commit is repeated without its token': withNewTokens,
}

export const faults: readonly string[] = Object.keys(FAULTS)

/** Whether only histories in which answers of the database are lost can see it. The others are looked for without. @throws RangeError for none of them */
export function isOfLostAnswers(name: string): boolean {
  return faultOf(name) === withNewTokens
}

/** The faulty variant of that name; undefined is none. */
export function faultOf(name: string | undefined): Fault {
  if (name === undefined) return metadata => metadata
  const found = FAULTS[name]
  if (found === undefined) throw new RangeError(`faults are: ${faults.join('; ')}`)
  return found
}

/**
 * Several updates may be under way at one record, and a commit reads its base again: what was committed since the update began is
 * overwritten.
 */
function withoutCompare(metadata: MetadataStore): MetadataStore {
  const begun = new Map<string, RequestOf<'beginUpdate'>>()
  return changed(metadata, {
    beginUpdate: async (request, call) => {
      if (request.request !== undefined) return await metadata.beginUpdate(request, call)
      const { registry, account, secret, ifRevision } = request
      const record = await metadata.find({ registry, account, id: secret }, call)
      if (record === undefined) throw SecretError.refused('not_found', 'fault')
      if (ifRevision !== undefined && ifRevision !== record.revision) throw SecretError.refused('conflict', 'fault')
      begun.set(request.token, request)
      return { state: 'begun', intent: updateIntent(request, record, Date.now()), record }
    },
    commitUpdate: async (request, call) => {
      const began = begun.get(request.token)
      if (began === undefined) return await metadata.commitUpdate(request, call)
      for (;;) {
        const answer = await metadata.beginUpdate({ ...began, ifRevision: undefined }, call)
        if (answer.state === 'begun') return await metadata.commitUpdate({ ...request, intent: answer.intent.id }, call)
        await delay(5)
      }
    },
  })
}

/** Keys are looked for and then taken, not in one transaction: in the database a key is followed by something that makes it unique. */
function withoutUniqueIntent(metadata: MetadataStore): MetadataStore {
  const shown = <Found extends SecretRecord>(record: Found): Found => ({ ...record, key: record.key.split('#')[0] ?? '' })
  const find: MetadataStore['find'] = async ({ registry, account, id, key }, call) => {
    if (key === undefined) {
      const found = await metadata.find({ registry, account, id }, call)
      return found === undefined ? undefined : shown(found)
    }
    const order = { limit: 1_000, sortBy: 'created_at', sortOrder: 'desc', startingAfter: undefined, endingBefore: undefined } as const
    const { items } = await metadata.page({ registry, account, ...order }, call)
    const newest = items.find(item => shown(item).key === key)
    return newest === undefined ? undefined : await find({ registry, account, id: newest.id }, call)
  }
  return changed(metadata, {
    find,
    page: async (request, call) => {
      const page = await metadata.page(request, call)
      return { ...page, items: page.items.map(shown) }
    },
    beginCreate: async (request, call) => {
      if (request.request !== undefined) return await metadata.beginCreate(request, call)
      const { registry, account, key } = request
      if ((await find({ registry, account, key }, call)) !== undefined) throw SecretError.refused('already_exists', 'fault')
      return await metadata.beginCreate({ ...request, key: `${key}#${randomUUID()}` }, call)
    },
    commitCreate: async (request, call) => {
      const outcome = await metadata.commitCreate(request, call)
      return outcome.state !== 'committed' || outcome.record === undefined ? outcome : { ...outcome, record: shown(outcome.record) }
    },
  })
}

/** What this process has found once, it finds for ever. */
function withStaleReads(metadata: MetadataStore): MetadataStore {
  const found = new Map<string, Promise<StoredRecord | undefined>>()
  return changed(metadata, {
    find: (request, call) => {
      const name = `${request.account} ${request.id} ${request.key}`
      const answer = found.get(name) ?? metadata.find(request, call)
      found.set(name, answer)
      return answer
    },
  })
}

/** Longer than most operations take. */
const LATE_MS = 2_000

/** Updates of descriptions are answered at once, and done soon after. */
function withEarlyAnswers(metadata: MetadataStore): MetadataStore {
  return changed(metadata, {
    updateDescription: async (request, call) => {
      if (request.request !== undefined) return await metadata.updateDescription(request, call)
      const { registry, account, secret, ifRevision, description, actor } = request
      const old = await metadata.find({ registry, account, id: secret }, call)
      if (old === undefined) throw SecretError.refused('not_found', 'fault')
      if (ifRevision !== undefined && ifRevision !== old.revision) throw SecretError.refused('conflict', 'fault')
      setTimeout(() => void metadata.updateDescription(request, {}).catch(() => {}), LATE_MS) // nobody would hear of it
      return {
        state: 'done',
        record: { ...withoutPointer(old), description, updatedAt: new Date(), updatedBy: actor.id, revision: old.revision + 1 },
      }
    },
  })
}

/** A rollback moves the pointer whatever came first. */
function withoutCompareOfRollbacks(metadata: MetadataStore): MetadataStore {
  return changed(metadata, { commitRollback: (request, call) => metadata.commitRollback({ ...request, ifRevision: undefined }, call) })
}

/** A repeat is a write of its own. */
function withoutRequests(metadata: MetadataStore): MetadataStore {
  return changed(metadata, {
    beginCreate: (request, call) => metadata.beginCreate({ ...request, request: undefined }, call),
    beginUpdate: (request, call) => metadata.beginUpdate({ ...request, request: undefined }, call),
    updateDescription: (request, call) => metadata.updateDescription({ ...request, request: undefined }, call),
  })
}

/** A request is remembered, its answer is not: a repeat is told of the record as it is by then. */
function withLateAnswers(metadata: MetadataStore): MetadataStore {
  const late = async <Answer extends { readonly state: string }>(
    { registry, account }: Pick<RequestOf<'beginUpdate'>, 'registry' | 'account'>,
    call: CallOptions,
    answer: Answer | Answered,
  ): Promise<Answer | Answered> => {
    if (!isAnswered(answer)) return answer
    const record = await metadata.find({ registry, account, id: answer.record.id }, call)
    return record === undefined ? answer : { state: 'answered', record: withoutPointer(record) }
  }
  return changed(metadata, {
    beginCreate: async (request, call) => await late(request, call, await metadata.beginCreate(request, call)),
    beginUpdate: async (request, call) => await late(request, call, await metadata.beginUpdate(request, call)),
    updateDescription: async (request, call) => await late(request, call, await metadata.updateDescription(request, call)),
  })
}

/** A commit that got no answer is asked for again as another one: nothing tells whether it is done. What is taken for undone is cleared away. */
function withNewTokens(metadata: MetadataStore): MetadataStore {
  const anew =
    <Request extends { readonly token: string }, Answer>(commit: (request: Request, call: CallOptions) => Promise<Answer>): typeof commit =>
    async (request, call) => {
      try {
        return await commit(request, call)
      } catch (error) {
        if (!isSecretError(error) || error.effect !== 'unknown') throw error
        return await commit({ ...request, token: randomUUID() }, call)
      }
    }
  type Put = RequestOf<'commitCreate' | 'commitUpdate'>
  const anewOrNever = <Request extends Put>(commit: (request: Request, call: CallOptions) => Promise<CommitOutcome>): typeof commit => {
    const repeated = anew(commit)
    return async (request, call) => {
      const outcome = await repeated(request, call)
      const { registry, intent, account, token } = request
      if (outcome.state === 'undone') await metadata.abandon({ registry, intent, account, token, code: 'deadline_exceeded', enqueue: [] }, call)
      return outcome
    }
  }
  return changed(metadata, {
    commitCreate: anewOrNever((request, call) => metadata.commitCreate(request, call)),
    commitUpdate: anewOrNever((request, call) => metadata.commitUpdate(request, call)),
    updateDescription: anew((request, call) => metadata.updateDescription(request, call)),
    commitRollback: anew((request, call) => metadata.commitRollback(request, call)),
    commitDelete: anew((request, call) => metadata.commitDelete(request, call)),
  })
}

function isAnswered(answer: { readonly state: string }): answer is Answered {
  return answer.state === 'answered'
}
