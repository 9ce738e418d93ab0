import type {
  Answered,
  Busy,
  CallOptions,
  CommitOutcome,
  Intent,
  MetadataStore,
  QueueDraft,
  QueueTask,
  SecretDriver,
  VersionId,
} from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { FAULTS, flavours, operations, run, type KnockOut } from './support/crash-matrix.ts'

// The crash matrix is worth what it can see: each rule taken out of the protocol must make a scenario fail. A rule that can be
// taken out unseen is not tested.

type Request = Parameters<MetadataStore['commitCreate']>[0] & Parameters<MetadataStore['commitUpdate']>[0]
type Commit = (request: Request, call: CallOptions) => Promise<CommitOutcome>

/** The same on both commits. */
function commits(change: (commit: Commit) => Commit): KnockOut {
  return {
    metadata: metadata => ({
      ...metadata,
      commitCreate: change(metadata.commitCreate),
      commitUpdate: change(metadata.commitUpdate),
    }),
  }
}

const abandonWithout = (...tasks: readonly QueueTask[]): KnockOut => ({
  metadata: metadata => ({
    ...metadata,
    abandon: (request, call) => metadata.abandon({ ...request, enqueue: request.enqueue.filter(({ task }) => !tasks.includes(task)) }, call),
  }),
})
const commitWithout = (...tasks: readonly QueueTask[]): KnockOut =>
  commits(commit => (request, call) => commit({ ...request, enqueue: request.enqueue.filter(({ task }) => !tasks.includes(task)) }, call))

const KNOCK_OUTS: Readonly<Record<string, KnockOut>> = {
  'an undone write queues nothing': abandonWithout('purge_path', 'watch_path'),
  'an undone write is not watched': abandonWithout('watch_path'),
  'an uncertain put that was committed is not watched': commitWithout('watch_path'),
  'a commit queues no promote': commitWithout('promote'),
  'what a record keeps no longer is not destroyed': {
    metadata: metadata => ({
      ...metadata,
      claimQueue: async (request, call) => {
        const claimed = await metadata.claimQueue(request, call)
        for (const { id, claim } of claimed.filter(({ task }) => task === 'destroy_version')) {
          await metadata.settleQueue({ registry: request.registry, id, claim, outcome: { state: 'done' }, enqueue: [] }, call)
        }
        return claimed.filter(({ task }) => task !== 'destroy_version')
      },
    }),
  },
  'what a record keeps is not guarded as its pointer’s version is': { metadata: withoutGuard },
  'a rollback queues no promote': {
    metadata: metadata => ({ ...metadata, commitRollback: (request, call) => metadata.commitRollback({ ...request, claimMs: undefined }, call) }),
  },
  'a commit does not need its intent': { metadata: withoutFence },
  'a commit repeated after its lost answer is not looked up': commits(commit => {
    const asked = new Set<string>()
    return async (request, call): Promise<CommitOutcome> => {
      const again = asked.has(request.token)
      asked.add(request.token)
      const outcome = await commit(request, call)
      return again ? { state: 'undone' } : outcome
    }
  }),
  'recovery deletes the intent without consequence': {
    metadata: metadata => ({
      ...metadata,
      claimExpiredIntents: async (request, call) => {
        for (const { id, account, token } of await metadata.claimExpiredIntents(request, call)) {
          await metadata.abandon({ registry: request.registry, intent: id, account, token, code: 'deadline_exceeded', enqueue: [] }, call)
        }
        return []
      },
    }),
  },
  'recovery never claims': { metadata: metadata => ({ ...metadata, claimExpiredIntents: async () => [] }) },
  'a delete queues no purge': {
    metadata: metadata => ({
      ...metadata,
      commitDelete: async (request, call) => {
        const outcome = await metadata.commitDelete(request, call)
        if (outcome.state === 'busy') return outcome
        for (const { id, claim } of outcome.claimed) {
          await metadata.settleQueue({ registry: request.registry, id, claim, outcome: { state: 'done' }, enqueue: [] }, call)
        }
        return { ...outcome, claimed: [] }
      },
    }),
  },
  'a task that failed is taken for done': {
    metadata: metadata => ({ ...metadata, settleQueue: (request, call) => metadata.settleQueue({ ...request, outcome: { state: 'done' } }, call) }),
  },
  'what follows from a task is forgotten': {
    metadata: metadata => ({ ...metadata, settleQueue: (request, call) => metadata.settleQueue({ ...request, enqueue: [] }, call) }),
  },
  'a put without an answer is a failure': {
    driver: driver => ({ ...driver, classify: error => ({ ...driver.classify(error), effect: 'none' }) }),
  },
  'the backend forgets the tokens': { driver: withoutTokens },
  'a staged version is current at once': {
    driver: driver => ({ ...driver, append: (request, call) => driver.append({ ...request, staged: false }, call) }),
  },
}

/** The watch takes what is kept for a stray, and the claim does not know its version for the row’s. */
function withoutGuard(metadata: MetadataStore): MetadataStore {
  const marked = (draft: QueueDraft): QueueDraft =>
    draft.task === 'destroy_version' ? { ...draft, version: `x${draft.version}` as VersionId } : draft
  return {
    ...metadata,
    owners: async (request, call) => {
      const owners = await metadata.owners(request, call)
      return owners.map(owner => ({ ...owner, row: owner.row === undefined ? undefined : { ...owner.row, kept: [owner.row.version] } }))
    },
    settleQueue: (request, call) => metadata.settleQueue({ ...request, enqueue: request.enqueue.map(marked) }, call),
    claimQueue: async (request, call) => {
      const claimed = await metadata.claimQueue(request, call)
      return claimed.map(entry => ({ ...entry, version: entry.version?.replace(/^x/, '') as VersionId | undefined }))
    },
  }
}

/** Commits although recovery has taken the intent: begins once more, and commits that. */
function withoutFence(metadata: MetadataStore): MetadataStore {
  const begun = new Map<string, () => Promise<{ readonly state: 'begun'; readonly intent: Intent } | Answered | Busy>>()
  const forced =
    (commit: Commit): Commit =>
    async (request, call) => {
      const outcome = await commit(request, call)
      const again = begun.get(request.token)
      if (outcome.state !== 'undone' || again === undefined) return outcome
      const answer = await again()
      return answer.state === 'begun' ? await commit({ ...request, intent: answer.intent.id }, call) : outcome
    }
  return {
    ...metadata,
    beginCreate: (request, call) => {
      begun.set(request.token, () => metadata.beginCreate(request, call))
      return metadata.beginCreate(request, call)
    },
    beginUpdate: (request, call) => {
      begun.set(request.token, () => metadata.beginUpdate(request, call))
      return metadata.beginUpdate(request, call)
    },
    commitCreate: forced(metadata.commitCreate),
    commitUpdate: forced(metadata.commitUpdate),
  }
}

function withoutTokens(driver: SecretDriver): SecretDriver {
  return {
    ...driver,
    versions: async (request, call) => {
      const page = await driver.versions(request, call)
      return { ...page, items: page.items.map(version => ({ ...version, token: undefined })) }
    },
  }
}

/** The first scenario that fails, and how. */
async function firstFailure(knockOut: KnockOut): Promise<{ readonly scenario: string; readonly error: unknown } | undefined> {
  for (const fault of FAULTS) {
    for (const operation of operations) {
      for (const flavour of flavours) {
        for (let at = 0; ; at += 1) {
          try {
            if ((await run(flavour, operation, fault, at, knockOut)) === undefined) break
          } catch (error) {
            return { scenario: `${flavour} ${operation} ${fault}, step ${at}`, error }
          }
        }
      }
    }
  }
  return undefined
}

describe('without its rule the protocol is caught', () => {
  it.each(Object.entries(KNOCK_OUTS))('%s', async (_, knockOut) => {
    const failed = await firstFailure(knockOut)
    expect(failed, 'no scenario of the crash matrix sees it').toBeDefined()
    // A mistake in the knock-out itself is not what is looked for.
    expect(failed?.error).not.toBeInstanceOf(TypeError)
  })
})
