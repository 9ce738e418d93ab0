import { createHash } from 'node:crypto'
import {
  SecretError,
  type Answered,
  type Busy,
  type CallOptions,
  type CommitOutcome,
  type Intent,
  type MetadataStore,
  type QueueDraft,
  type QueueTask,
  type SecretDriver,
  type VersionId,
} from '@strongroom/core'
import { changed } from '@strongroom/testbed'

/** A rule of the protocol taken out, by what stands before the database or the backend, in the child and in recovery alike. */
export interface KnockOut {
  /** Scenarios that should see it, by their names; looked through first, and alone unless none of them does. */
  readonly seenBy: RegExp
  readonly metadata?: (metadata: MetadataStore) => MetadataStore
  readonly driver?: (driver: SecretDriver) => SecretDriver
}

type Request = Parameters<MetadataStore['commitCreate']>[0] & Parameters<MetadataStore['commitUpdate']>[0]
type Commit = (request: Request, call: CallOptions) => Promise<CommitOutcome>

const KNOCK_OUTS: Readonly<Record<string, KnockOut | (() => KnockOut)>> = {
  'an undone write queues nothing': { seenBy: /create\/killed after driver/, ...abandonWithout('purge_path', 'watch_path') },
  'an undone write is not watched': { seenBy: /killed, lands late/, ...abandonWithout('watch_path') },
  'an uncertain put that was committed is not watched': { seenBy: /update value\/answer lost/, ...commitWithout('watch_path') },
  'a commit queues no promote': { seenBy: /update value\/killed after metadata.commitUpdate/, ...commitWithout('promote') },
  'what a record keeps no longer is not destroyed': {
    seenBy: /update value\/undisturbed/,
    metadata: metadata =>
      changed(metadata, {
        claimQueue: async (request, call) => {
          const claimed = await metadata.claimQueue(request, call)
          for (const { id, claim } of claimed.filter(({ task }) => task === 'destroy_version')) {
            await metadata.settleQueue({ registry: request.registry, id, claim, outcome: { state: 'done' }, enqueue: [] }, call)
          }
          return claimed.filter(({ task }) => task !== 'destroy_version')
        },
      }),
  },
  'what a record keeps is not guarded as its pointer’s version is': {
    seenBy: /(gcp|vault).*update value\/killed after driver.append/,
    metadata: withoutGuard,
  },
  'a rollback queues no promote': {
    seenBy: /aws.*rollback\/(undisturbed|killed after metadata.commitRollback)/,
    metadata: metadata => changed(metadata, { commitRollback: (request, call) => metadata.commitRollback({ ...request, claimMs: undefined }, call) }),
  },
  'a commit does not need its intent': { seenBy: /asleep past the lease before metadata.commit/, metadata: withoutFence },
  'a commit repeated after its lost answer is not looked up': {
    seenBy: /ambiguous, committed metadata.commit/,
    ...commits(commit => {
      const asked = new Set<string>()
      return async (request, call): Promise<CommitOutcome> => {
        const again = asked.has(request.token)
        asked.add(request.token)
        const outcome = await commit(request, call)
        return again ? { state: 'undone' } : outcome
      }
    }),
  },
  'recovery deletes the intent without consequence': {
    seenBy: /killed after driver/,
    metadata: metadata =>
      changed(metadata, {
        claimExpiredIntents: async (request, call) => {
          for (const { id, account, token } of await metadata.claimExpiredIntents(request, call)) {
            await metadata.abandon({ registry: request.registry, intent: id, account, token, code: 'deadline_exceeded', enqueue: [] }, call)
          }
          return []
        },
      }),
  },
  'recovery never claims': {
    seenBy: /killed after metadata.begin/,
    metadata: metadata => changed(metadata, { claimExpiredIntents: async () => [] }),
  },
  'an intent that recovery has claimed stays claimed': {
    seenBy: /maintain .*killed after metadata.claimExpiredIntents/,
    metadata: metadata =>
      changed(metadata, { claimExpiredIntents: (request, call) => metadata.claimExpiredIntents({ ...request, leaseMs: FOR_EVER_MS }, call) }),
  },
  'a task that upkeep has claimed stays claimed': {
    seenBy: /maintain .*killed after metadata.claimQueue/,
    metadata: metadata => changed(metadata, { claimQueue: (request, call) => metadata.claimQueue({ ...request, leaseMs: FOR_EVER_MS }, call) }),
  },
  'a repair is recorded and queues nothing': {
    seenBy: /reconcile an orphan/,
    metadata: metadata => changed(metadata, { queueRepair: async () => true }),
  },
  'a delete queues no purge': {
    seenBy: /delete\/killed after metadata.commitDelete/,
    metadata: metadata =>
      changed(metadata, {
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
    seenBy: /delete\/lands late|update value\/lands late Update|delete\/undisturbed/,
    metadata: metadata =>
      changed(metadata, { settleQueue: (request, call) => metadata.settleQueue({ ...request, outcome: { state: 'done' } }, call) }),
  },
  'what follows from a task is forgotten': {
    seenBy: /lands late/,
    metadata: metadata => changed(metadata, { settleQueue: (request, call) => metadata.settleQueue({ ...request, enqueue: [] }, call) }),
  },
  'a put without an answer is a failure': {
    seenBy: /(create|update value)\/(answer lost|lands late)/,
    driver: driver => changed(driver, { classify: error => ({ ...driver.classify(error), effect: 'none' }) }),
  },
  'the backend forgets the tokens': { seenBy: /(create|update value)\/(answer lost|lands late|killed, lands late)/, driver: withoutTokens },
  'a staged version is current at once': {
    seenBy: /(aws|local).*update value\/killed after driver.append/,
    driver: driver => changed(driver, { append: (request, call) => driver.append({ ...request, staged: false }, call) }),
  },
  'promote does not compare the holder': {
    seenBy: /aws.*update value\/asleep past the lease before driver.promote/,
    driver: driver =>
      changed(driver, {
        promote: async (request, call) => {
          const { items } = await driver.versions({ path: request.path, after: undefined, page: undefined }, call)
          const holder = items.find(({ current }) => current)?.version ?? request.from
          if (holder !== request.version) await driver.promote({ ...request, from: holder }, call)
        },
      }),
  },
  'a read is of the newest version': {
    seenBy: /(gcp|vault).*update value\/killed after driver.append/,
    driver: driver => changed(driver, { read: ({ path }, call) => driver.read({ path, version: undefined }, call) }),
  },
  'a key stays taken after its delete': {
    seenBy: /delete\/killed after metadata.commitDelete/,
    metadata: metadata =>
      changed(metadata, {
        beginCreate: async (request, call) => {
          const { registry, account, key } = request
          const trail = await metadata.readAudit({ registry, account, after: 0, limit: 1_000 }, call)
          if (trail.some(entry => entry.action === 'secret.create' && entry.key === key)) throw SecretError.refused('already_exists', 'knock-out')
          return await metadata.beginCreate(request, call)
        },
      }),
  },
  'a purge takes what else begins with its registry’s name': {
    seenBy: /delete\/killed after driver.remove/,
    driver: driver =>
      changed(driver, {
        remove: async (request, call) => {
          const prefix = request.path.slice(0, -UUID_LENGTH) as typeof request.path
          const { items } = await driver.list({ prefix, withLabels: false, page: undefined }, call)
          for (const { path } of items) if (path !== request.path) await driver.remove({ ...request, path }, call)
          return await driver.remove(request, call)
        },
      }),
  },
  'a value gets into the database': () => {
    let value = ''
    return {
      seenBy: /create\/undisturbed/,
      driver: driver =>
        changed(driver, {
          create: (request, call) => {
            value = new TextDecoder().decode(request.payload.bytes)
            return driver.create(request, call)
          },
        }),
      metadata: metadata =>
        changed(metadata, {
          commitCreate: (request, call) => metadata.commitCreate({ ...request, fullPath: `${request.fullPath}#${digest(value)}` }, call),
        }),
    }
  },
}
const UUID_LENGTH = 36
const FOR_EVER_MS = 10 * 365 * 24 * 3_600_000

export const knockOuts: readonly string[] = Object.keys(KNOCK_OUTS)

/** The rule of that name; undefined takes none out. */
export function knockOutOf(name: string | undefined): Required<KnockOut> {
  const nothing = { seenBy: /^/, metadata: (metadata: MetadataStore) => metadata, driver: (driver: SecretDriver) => driver }
  if (name === undefined) return nothing
  const found = KNOCK_OUTS[name]
  if (found === undefined) throw new RangeError(`rules are: ${knockOuts.join('; ')}`)
  return { ...nothing, ...(typeof found === 'function' ? found() : found) }
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}

/** The same on both commits. */
function commits(change: (commit: Commit) => Commit): Pick<KnockOut, 'metadata'> {
  return {
    metadata: metadata =>
      changed(metadata, {
        commitCreate: change((request, call) => metadata.commitCreate(request, call)),
        commitUpdate: change((request, call) => metadata.commitUpdate(request, call)),
      }),
  }
}

function abandonWithout(...tasks: readonly QueueTask[]): Pick<KnockOut, 'metadata'> {
  return {
    metadata: metadata =>
      changed(metadata, {
        abandon: (request, call) => metadata.abandon({ ...request, enqueue: request.enqueue.filter(({ task }) => !tasks.includes(task)) }, call),
      }),
  }
}

function commitWithout(...tasks: readonly QueueTask[]): Pick<KnockOut, 'metadata'> {
  return commits(commit => (request, call) => commit({ ...request, enqueue: request.enqueue.filter(({ task }) => !tasks.includes(task)) }, call))
}

/** The watch takes what is kept for a stray, and the claim does not know its version for the row’s. */
function withoutGuard(metadata: MetadataStore): MetadataStore {
  const marked = (draft: QueueDraft): QueueDraft =>
    draft.task === 'destroy_version' ? { ...draft, version: `x${draft.version}` as VersionId } : draft
  return changed(metadata, {
    owners: async (request, call) => {
      const owners = await metadata.owners(request, call)
      return owners.map(owner => ({ ...owner, row: owner.row === undefined ? undefined : { ...owner.row, kept: [owner.row.version] } }))
    },
    settleQueue: (request, call) => metadata.settleQueue({ ...request, enqueue: request.enqueue.map(marked) }, call),
    claimQueue: async (request, call) => {
      const claimed = await metadata.claimQueue(request, call)
      return claimed.map(entry => ({ ...entry, version: entry.version?.replace(/^x/, '') as VersionId | undefined }))
    },
  })
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
  return changed(metadata, {
    beginCreate: (request, call) => {
      begun.set(request.token, () => metadata.beginCreate(request, call))
      return metadata.beginCreate(request, call)
    },
    beginUpdate: (request, call) => {
      begun.set(request.token, () => metadata.beginUpdate(request, call))
      return metadata.beginUpdate(request, call)
    },
    commitCreate: forced((request, call) => metadata.commitCreate(request, call)),
    commitUpdate: forced((request, call) => metadata.commitUpdate(request, call)),
  })
}

function withoutTokens(driver: SecretDriver): SecretDriver {
  return changed(driver, {
    versions: async (request, call) => {
      const page = await driver.versions(request, call)
      return { ...page, items: page.items.map(version => ({ ...version, token: undefined })) }
    },
  })
}
