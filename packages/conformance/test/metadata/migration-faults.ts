import { randomUUID } from 'node:crypto'
import { SecretError, type CallOptions, type MetadataStore, type OldCopy, type QueueDraft } from '@strongroom/core'
import { coalesced, isAgain, isCode, queueing, type Fault, type Request } from './fault.ts'

type Named = Pick<Request<'commitReturn'>, 'registry' | 'account' | 'secret'>

const pointerOf = async (store: MetadataStore, { registry, account, secret: id }: Named, call: CallOptions) =>
  (await store.find({ registry, account, id }, call))?.pointer

/** Whatever refuses it, the record is said to be where it was to go. */
const saidToBeDone = async <A extends { readonly state: string }>(store: MetadataStore, request: Named, call: CallOptions, answer: A) => {
  const { registry, account, secret: id } = request
  const record = await store.find({ registry, account, id }, call)
  return answer.state === 'refused' && record !== undefined ? ({ state: 'done', record } as const) : answer
}

/** For each case of migrations and adoptions a store that it must catch. */
export const migrationFaults: Readonly<Record<string, Fault>> = {
  'migrations/begin-answers-the-record': (store, { shared }) => ({
    async beginMigrate(request, call) {
      if (isAgain(shared, request.token)) throw SecretError.invalid('metadata.beginMigrate', 'the token is used')
      return await store.beginMigrate(request, call)
    },
  }),
  'migrations/begin-refusals-in-order': store => ({
    beginMigrate: async (request, call) => store.beginMigrate({ ...request, from: (await pointerOf(store, request, call)) ?? request.from }, call),
  }),
  // As a release does that knows updates alone.
  'migrations/other-writes-go-on-beside': (store, { shared }) => ({
    async beginMigrate(request, call) {
      const answer = await store.beginMigrate(request, call)
      if (answer.state === 'begun') shared.set(request.secret, answer.intent.id)
      return answer
    },
    async beginUpdate(request, call) {
      const intent = shared.get(request.secret) as Request<'abandon'>['intent'] | undefined
      return intent === undefined ? await store.beginUpdate(request, call) : { state: 'busy', intent, expired: false }
    },
  }),
  // The path of before stays.
  'migrations/commit-moves-the-pointer': store => ({
    commitMigrate: (request, call) => store.commitMigrate({ ...request, fullPath: `full/${request.from.path}` }, call),
  }),
  'migrations/commit-is-refused-after-another-write': (store, { shared }) => ({
    async beginMigrate(request, call) {
      const answer = await store.beginMigrate(request, call)
      if (answer.state === 'begun') shared.set(answer.intent.id, request)
      return answer
    },
    async commitMigrate(request, call) {
      const begun = shared.get(request.intent) as Request<'beginMigrate'>
      return await store.commitMigrate({ ...request, from: (await pointerOf(store, begun, call)) ?? request.from }, call)
    },
  }),
  // The store does not know the versions of its tasks for those of its rows.
  'migrations/commit-is-refused-onto-what-is-queued': store =>
    queueing(store, draft =>
      draft.task === 'destroy_version' ? { ...draft, version: `x${draft.version}` as NonNullable<typeof draft.version> } : draft,
    ),
  'migrations/commit-again': (store, { shared }) => ({
    async commitMigrate(request, call) {
      const answer = await store.commitMigrate(request, call)
      if (answer.state !== 'committed') return answer
      return isAgain(shared, request.intent) ? { state: 'undone' } : answer
    },
  }),
  'migrations/recovered-and-abandoned': store => ({
    claimExpiredIntents: async (request, call) => (await store.claimExpiredIntents(request, call)).filter(({ operation }) => operation !== 'migrate'),
  }),
  // Has a row in two places, and changes it in one.
  'migrations/found-at-the-new-place': (store, { shared }) => ({
    async commitCreate(request, call) {
      const answer = await store.commitCreate(request, call)
      const { registry, account } = request
      if (answer.state !== 'committed' || answer.record === undefined) return answer
      const { id, key } = answer.record
      shared.set(key, await store.find({ registry, account, id }, call))
      return answer
    },
    async find(request, call) {
      const known = request.key === undefined ? undefined : (shared.get(request.key) as Awaited<ReturnType<MetadataStore['find']>>)
      return known ?? (await store.find(request, call))
    },
  }),
  'old-copies/told-until-claimed': (store, { shared }) => ({
    async oldCopies(request, call) {
      const name = [request.store, ...new Set(request.secrets)].toSorted().join()
      const known = (shared.get(name) as readonly OldCopy[] | undefined) ?? (await store.oldCopies(request, call))
      shared.set(name, known)
      return known
    },
  }),
  'old-copies/return-restores-what-was-kept': store =>
    queueing(store, draft => (draft.copy === undefined ? draft : { ...draft, copy: { ...draft.copy, versions: draft.copy.versions.slice(0, 1) } })),
  // Of the copy as it was left.
  'old-copies/return-after-a-write': (store, { shared }) => ({
    ...queueing(store, draft => {
      if (draft.copy !== undefined) shared.set(draft.path, draft.copy.versions)
      return draft
    }),
    async find(request, call) {
      const found = await store.find(request, call)
      const versions = found && (shared.get(found.pointer.path) as typeof found.versions | undefined)
      return found && { ...found, versions: versions ?? found.versions }
    },
  }),
  'old-copies/return-refusals': store => ({
    commitReturn: async (request, call) => store.commitReturn({ ...request, from: (await pointerOf(store, request, call)) ?? request.from }, call),
  }),
  // What was put off is as good as new.
  'old-copies/return-not-onto-what-was-claimed': (store, { shared }) => ({
    ...queueing(store, draft => {
      if (draft.copy !== undefined) shared.set(draft.path, draft)
      return draft
    }),
    async claimQueue(request, call) {
      const claimed = await store.claimQueue(request, call)
      for (const { id, path } of claimed) shared.set(id, shared.get(path))
      return claimed
    },
    async settleQueue(request, call) {
      const draft = shared.get(request.id) as QueueDraft | undefined
      if (draft === undefined || request.outcome.state !== 'retry') return await store.settleQueue(request, call)
      return await store.settleQueue({ ...request, outcome: { state: 'done' }, enqueue: [draft] }, call)
    },
  }),
  'old-copies/return-again': store => ({
    commitReturn: (request, call) => store.commitReturn({ ...request, token: randomUUID() }, call),
  }),
  'old-copies/dropped': store => ({
    dropOldCopies: (request, call) => store.dropOldCopies({ ...request, limit: request.limit * 2 }, call),
  }),
  // Everybody's.
  'old-copies/due-once-the-secret-is-deleted': store => ({
    async commitDelete(request, call) {
      await store.dropOldCopies({ registry: request.registry, store: 'main', limit: 99 }, call)
      return await store.commitDelete(request, call)
    },
  }),
  'old-copies/named-by-owners': store => ({
    owners: async (request, call) => (await store.owners(request, call)).map(owner => ({ ...owner, purges: owner.tasks > owner.destroys ? 1 : 0 })),
  }),
  'adoptions/write-the-row': store => ({
    async find(request, call) {
      const found = await store.find(request, call)
      return found && { ...found, adopted: undefined }
    },
  }),
  // Looks at rows alone.
  'adoptions/owned-is-left': store => ({
    async adopt(request, call) {
      const { registry, pointer } = request
      const [owner] = await store.owners({ registry, store: pointer.store, paths: [pointer.path] }, call)
      const path = owner === undefined || owner.row !== undefined ? pointer.path : (`${pointer.path}-too` as typeof pointer.path)
      return await store.adopt({ ...request, pointer: { ...pointer, path } }, call)
    },
  }),
  'adoptions/refusals-in-order': store => ({
    adopt: (request, call) =>
      store.adopt(request, call).catch((error: unknown) => {
        if (!isCode(error, 'invalid_argument')) throw error
        return store.adopt({ ...request, secret: randomUUID() as string as typeof request.secret }, call)
      }),
  }),
  'adoptions/again': (store, { shared }) => ({
    async adopt(request, call) {
      return isAgain(shared, request.token) ? { state: 'owned' } : await store.adopt(request, call)
    },
  }),
  // The one before is destroyed where one is kept, whatever it is.
  'adoptions/what-was-there-is-not-destroyed': (store, { shared }) => ({
    async beginUpdate(request, call) {
      const answer = await store.beginUpdate(request, call)
      if (answer.state === 'begun') shared.set(answer.intent.id, answer.record.pointer)
      return answer
    },
    async commitUpdate(request, call) {
      const before = shared.get(request.intent) as OldCopy['pointer']
      const enqueue: readonly QueueDraft[] = request.keep > 1 ? [] : [{ task: 'destroy_version', ...before }]
      return await store.commitUpdate({ ...request, enqueue }, call)
    },
  }),
  'adoptions/deleted-and-left': store => ({
    commitDelete: (request, call) => store.commitDelete({ ...request, purgeAdopted: true }, call),
  }),
  'races/one-migration-begins': (store, { shared }) => ({
    async beginMigrate(request, call) {
      const answer = await store.beginMigrate(request, call)
      if (answer.state === 'begun') shared.set(request.secret, answer)
      return (shared.get(request.secret) as typeof answer | undefined) ?? answer
    },
  }),
  // It is compared with what was there when it began.
  'races/update-or-migration': store => ({
    async commitMigrate(request, call) {
      const answer = await store.commitMigrate(request, call)
      return answer.state === 'refused' ? { state: 'committed', record: undefined, claimed: [] } : answer
    },
  }),
  'races/one-commit-of-a-migration': (store, { shared }) => ({
    async commitMigrate(request, call) {
      if (isAgain(shared, request.intent)) throw SecretError.refused('conflict', 'metadata.commitMigrate')
      return await store.commitMigrate(request, call)
    },
  }),
  'races/return-or-purge': store => ({
    commitReturn: async (request, call) => saidToBeDone(store, request, call, await store.commitReturn(request, call)),
  }),
  'races/old-copies-are-dropped-once': (store, { shared }) => ({
    dropOldCopies: coalesced(shared, 'drop', (request, call) => store.dropOldCopies(request, call)),
  }),
  'races/one-adoption-of-a-path': (store, { number }) => ({
    adopt(request, call) {
      const { pointer } = request
      return store.adopt({ ...request, pointer: { ...pointer, path: `${pointer.path} ${number}` as typeof pointer.path } }, call)
    },
  }),
}
