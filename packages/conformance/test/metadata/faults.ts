import { randomUUID } from 'node:crypto'
import { setImmediate as tick } from 'node:timers/promises'
import { SecretError, type MetadataStore, type SecretId } from '@strongroom/core'
import { beginning, coalesced, comparingBefore, isAgain, isCode, queueing, type Fault, type Request } from './fault.ts'
import { migrationFaults } from './migration-faults.ts'

/** For each case of the contract a store that it must catch. */
export const faults: Readonly<Record<string, Fault>> = {
  'writes/create-writes-what-the-intent-holds': store => ({
    beginCreate: (request, call) => store.beginCreate({ ...request, description: null }, call),
  }),
  'writes/find-by-one-of-id-and-key': store => ({
    find: (request, call) => store.find(request.id === undefined ? request : { ...request, key: undefined }, call),
  }),
  'writes/one-creator-of-a-key-begins': store => ({
    async beginCreate(request, call) {
      const answer = await store.beginCreate(request, call)
      return answer.state === 'begun' ? answer : await store.beginCreate({ ...request, key: `${request.key}-too` }, call)
    },
  }),
  'writes/busy-tells-when-a-lease-is-over': store => ({
    async beginCreate(request, call) {
      const answer = await store.beginCreate(request, call)
      return answer.state === 'busy' ? { ...answer, expired: false } : answer
    },
  }),
  'writes/begin-again-answers-the-same-intent': (store, { shared }) => ({
    async beginCreate(request, call) {
      if (isAgain(shared, request.token)) throw SecretError.invalid('metadata.beginCreate', 'the token is used')
      return await store.beginCreate(request, call)
    },
  }),
  'writes/ids-and-paths-are-used-once': store => ({
    beginCreate: (request, call) =>
      store.beginCreate(request, call).catch((error: unknown) => {
        if (!isCode(error, 'invalid_argument')) throw error
        return store.beginCreate({ ...request, secret: randomUUID() as string as SecretId, path: `${request.path}-too` as typeof request.path }, call)
      }),
  }),
  'writes/begin-update-refusals-in-order': store => ({
    beginUpdate: (request, call) => store.beginUpdate({ ...request, ifRevision: undefined }, call),
  }),
  'writes/one-of-several-revisions': store => ({
    commitDelete: (request, call) => store.commitDelete({ ...request, ifRevision: [request.ifRevision].flat()[0] }, call),
  }),
  'writes/commit-update-moves-the-pointer': store => ({
    beginUpdate: (request, call) => store.beginUpdate({ ...request, description: request.description ?? null }, call),
  }),
  'writes/description-only': store => ({
    updateDescription: (request, call) => store.updateDescription({ ...request, ifRevision: undefined }, call),
  }),
  'writes/delete-frees-the-key-and-queues-the-purge': store => ({
    commitDelete: (request, call) => store.commitDelete({ ...request, claimMs: 0 }, call),
  }),
  'writes/commit-again-answers-the-row': (store, { shared }) => ({
    async commitCreate(request, call) {
      if (isAgain(shared, request.intent)) return { state: 'undone' }
      return await store.commitCreate(request, call)
    },
  }),
  'writes/abandon-once': (store, { shared }) => ({
    async abandon(request, call) {
      if (isAgain(shared, request.intent)) throw SecretError.refused('not_found', 'metadata.abandon')
      return await store.abandon(request, call)
    },
  }),
  'writes/an-intent-ends-with-its-own-token-only': (store, { shared }) => ({
    async beginCreate(request, call) {
      const answer = await store.beginCreate(request, call)
      if (answer.state === 'begun') shared.set(answer.intent.id, request.token)
      return answer
    },
    abandon: (request, call) => store.abandon({ ...request, token: (shared.get(request.intent) as string | undefined) ?? request.token }, call),
  }),
  'writes/nothing-points-at-what-is-to-be-destroyed': store => queueing(store, draft => (draft.task === 'destroy_version' ? undefined : draft)),
  'writes/accounts-and-registries-are-apart': (store, { shared }) => ({
    async beginCreate(request, call) {
      shared.set(request.secret, request.account)
      return await store.beginCreate(request, call)
    },
    find: (request, call) =>
      store.find({ ...request, account: (shared.get(request.id ?? '') as typeof request.account | undefined) ?? request.account }, call),
  }),
  'writes/bad-arguments-change-nothing': store => queueing(store, draft => ({ ...draft, delayMs: Math.max(0, draft.delayMs ?? 0) })),
  'writes/copies-are-handed-out': (store, { shared }) => ({
    async commitCreate(request, call) {
      const answer = await store.commitCreate(request, call)
      if (answer.state === 'committed' && answer.record !== undefined) shared.set(answer.record.id, answer.record)
      return answer
    },
    async find(request, call) {
      const found = await store.find(request, call)
      return found && Object.assign(found, shared.get(found.id))
    },
  }),
  'retention/keeps-the-last-versions': store => ({
    commitUpdate: (request, call) => store.commitUpdate({ ...request, keep: request.keep + 1 }, call),
  }),
  'retention/what-falls-out-is-destroyed': store => ({
    // Only the first of what falls out.
    async claimQueue(request, call) {
      const claimed = await store.claimQueue(request, call)
      const [first, ...rest] = claimed.filter(({ task }) => task === 'destroy_version')
      return claimed.filter(entry => entry === first || !rest.includes(entry))
    },
  }),
  'retention/what-is-replaced-falls-out-first': store => ({
    beginUpdate: (request, call) => store.beginUpdate({ ...request, replaces: undefined }, call),
  }),
  // The intent that recovery claims has lost it.
  'retention/recovery-knows-what-is-replaced': store => ({
    async claimExpiredIntents(request, call) {
      return (await store.claimExpiredIntents(request, call)).map(intent => ({ ...intent, replaces: undefined }))
    },
  }),
  // The claim knows the pointer's version alone.
  'retention/what-is-kept-is-not-destroyed': store => ({
    ...queueing(store, draft => (draft.version === 'v1' ? { ...draft, version: 'x1' as NonNullable<typeof draft.version> } : draft)),
    async claimQueue(request, call) {
      const claimed = await store.claimQueue(request, call)
      return claimed.map(entry => (entry.version === 'x1' ? { ...entry, version: 'v1' as typeof entry.version } : entry))
    },
  }),
  'retention/owners-name-what-is-kept': store => ({
    async owners(request, call) {
      const owners = await store.owners(request, call)
      return owners.map(owner => (owner.row === undefined ? owner : { ...owner, row: { ...owner.row, kept: [owner.row.version] } }))
    },
  }),
  'retention/rollback-moves-the-pointer': store => ({
    commitRollback: (request, call) => store.commitRollback({ ...request, ifRevision: undefined }, call),
  }),
  'retention/rollback-again-answers-the-row': store => ({
    commitRollback: (request, call) => store.commitRollback({ ...request, token: randomUUID() }, call),
  }),
  'retention/rollback-to-where-it-is': store => ({
    async commitRollback(request, call) {
      const { registry, account, secret: id, version } = request
      const found = await store.find({ registry, account, id }, call)
      if (found?.pointer.version === version) return { state: 'done', record: found, claimed: [] }
      return await store.commitRollback(request, call)
    },
  }),
  'retention/rollback-waits-for-an-intent': (store, { shared }) => ({
    async beginUpdate(request, call) {
      const answer = await store.beginUpdate(request, call)
      if (answer.state === 'begun') shared.set(request.secret, answer.intent)
      return answer
    },
    async commitRollback(request, call) {
      const answer = await store.commitRollback(request, call)
      if (answer.state !== 'busy') return answer
      const { account, token } = shared.get(request.secret) as Request<'abandon'>
      await store.abandon({ registry: request.registry, intent: answer.intent, account, token, code: 'aborted', enqueue: [] }, call)
      return await store.commitRollback(request, call)
    },
  }),
  'retention/rollback-cancels-the-destruction': store =>
    queueing(store, draft => (draft.task === 'destroy_version' ? { ...draft, claimMs: undefined } : draft)),
  'retention/rollback-queues-the-promote': store => ({
    commitRollback: (request, call) => store.commitRollback({ ...request, claimMs: undefined }, call),
  }),
  // The row as it is now, and not as it was.
  'requests/a-create-is-answered-again': store => ({
    async beginCreate(request, call) {
      const answer = await store.beginCreate(request, call)
      if (answer.state !== 'answered') return answer
      const { registry, account } = request
      const found = await store.find({ registry, account, id: answer.record.id }, call)
      if (found === undefined) return answer
      const { pointer: _pointer, ...record } = found
      return { state: 'answered', record }
    },
  }),
  // In JSON, dates are text.
  'requests/an-update-is-answered-again': store => ({
    async beginUpdate(request, call) {
      const answer = await store.beginUpdate(request, call)
      return answer.state === 'answered' ? (JSON.parse(JSON.stringify(answer)) as typeof answer) : answer
    },
  }),
  'requests/a-description-is-answered-again': store => ({
    async updateDescription(request, call) {
      const { registry, account, secret: id, ifRevision } = request
      const found = await store.find({ registry, account, id }, call)
      if (ifRevision !== undefined && found?.revision !== ifRevision) throw SecretError.refused('conflict', 'metadata.updateDescription')
      return await store.updateDescription(request, call)
    },
  }),
  'requests/another-request-is-refused': store => beginning(store, request => ({ ...request, fingerprints: ['the same'] })),
  'requests/in-flight-is-busy': (store, { shared }) => ({
    async beginCreate(request, call) {
      const name = request.request?.ids[0] ?? ''
      const again = shared.get(name) as { readonly token: string; readonly secret: SecretId } | undefined
      if (again === undefined) shared.set(name, request)
      return await store.beginCreate({ ...request, token: again?.token ?? request.token, secret: again?.secret ?? request.secret }, call)
    },
  }),
  'requests/undone-begins-anew': (store, { shared }) => ({
    async beginCreate(request, call) {
      if (isAgain(shared, request.request?.ids[0] ?? '')) throw SecretError.refused('idempotency_mismatch', 'metadata.beginCreate')
      return await store.beginCreate(request, call)
    },
  }),
  'requests/recovery-keeps-the-answer': (store, { shared }) => ({
    async claimExpiredIntents(request, call) {
      const claimed = await store.claimExpiredIntents(request, call)
      for (const { id } of claimed) shared.set(id, true)
      return claimed
    },
    async beginUpdate(request, call) {
      const answer = await store.beginUpdate(request, call)
      if (answer.state !== 'answered' || shared.size === 0) return answer
      return await store.beginUpdate({ ...request, request: undefined }, call)
    },
  }),
  // Remembers all the same.
  'requests/refusals-leave-nothing': (store, { shared }) => ({
    async updateDescription(request, call) {
      const [id = ''] = request.request?.ids ?? []
      const known = shared.get(id)
      if (known !== undefined && known !== request.request?.fingerprints[0]) {
        throw SecretError.refused('idempotency_mismatch', 'metadata.updateDescription')
      }
      shared.set(id, request.request?.fingerprints[0])
      return await store.updateDescription(request, call)
    },
  }),
  'requests/accounts-and-registries-are-apart': (store, { shared }) => ({
    async beginCreate(request, call) {
      if (isAgain(shared, request.request?.ids[0] ?? request.secret)) throw SecretError.refused('idempotency_mismatch', 'metadata.beginCreate')
      return await store.beginCreate(request, call)
    },
  }),
  'requests/kept-so-long-and-no-longer': store => beginning(store, request => ({ ...request, keepMs: request.keepMs + 1 })),
  'requests/expired-ones-are-forgotten': store => ({
    forgetRequests: (request, call) => store.forgetRequests({ ...request, limit: request.limit * 2 }, call),
  }),
  'requests/known-by-any-of-its-ids': store =>
    beginning(store, request => ({ ...request, ids: request.ids.slice(0, 1), fingerprints: request.fingerprints.slice(0, 1) })),
  'queue/intents-are-claimed-once-expired': store => ({
    claimExpiredIntents: (request, call) => store.claimExpiredIntents({ ...request, limit: 99 }, call),
  }),
  'queue/tasks-are-claimed-when-due': store => queueing(store, draft => ({ ...draft, delayMs: 0 })),
  'queue/queued-with-a-claim': store => queueing(store, draft => ({ ...draft, claimMs: undefined })),
  'queue/one-claimant-a-task': (store, { shared }) => ({
    claimQueue: coalesced(shared, 'claim', (request, call) => store.claimQueue(request, call)),
  }),
  'queue/settled-by-the-holder-only': (store, { shared }) => ({
    async claimQueue(request, call) {
      const claimed = await store.claimQueue(request, call)
      for (const { id, claim } of claimed) shared.set(id, claim)
      return claimed
    },
    settleQueue: (request, call) => store.settleQueue({ ...request, claim: (shared.get(request.id) as string | undefined) ?? request.claim }, call),
  }),
  'queue/a-late-settle-holds-unless-taken': (store, { shared, clock }) => ({
    async claimQueue(request, call) {
      const claimed = await store.claimQueue(request, call)
      for (const { claim } of claimed) shared.set(claim, clock().getTime() + request.leaseMs)
      return claimed
    },
    async settleQueue(request, call) {
      const until = (shared.get(request.claim) as number | undefined) ?? Infinity
      return clock().getTime() < until && (await store.settleQueue(request, call))
    },
  }),
  'queue/retry-puts-off': store => ({
    settleQueue: (request, call) =>
      store.settleQueue(request.outcome.state === 'retry' ? { ...request, outcome: { state: 'retry', delayMs: 0 } } : request, call),
  }),
  'queue/promotion-ends-where-the-pointer-is': store => ({
    settleQueue: (request, call) => store.settleQueue(request.outcome.state === 'done' ? { ...request, outcome: { state: 'done' } } : request, call),
  }),
  // The store does not know the versions of its tasks for those of its rows.
  'queue/live-values-are-not-destroyed': store => ({
    ...queueing(store, draft =>
      draft.task === 'destroy_version' ? { ...draft, version: `x${draft.version}` as NonNullable<typeof draft.version> } : draft,
    ),
    async claimQueue(request, call) {
      const claimed = await store.claimQueue(request, call)
      return claimed.map(entry => (entry.task === 'destroy_version' ? { ...entry, version: entry.version?.slice(1) as typeof entry.version } : entry))
    },
  }),
  'queue/what-an-intent-needs-is-left': store => ({
    ...queueing(store, draft => (draft.task === 'purge_path' ? { ...draft, path: `x${draft.path}` as typeof draft.path } : draft)),
    async claimQueue(request, call) {
      const claimed = await store.claimQueue(request, call)
      return claimed.map(entry => (entry.task === 'purge_path' ? { ...entry, path: entry.path.slice(1) as typeof entry.path } : entry))
    },
  }),
  'queue/waiting-tasks-hold-nobody-up': store => ({
    async claimQueue(request, call) {
      const { intents } = await store.references({ registry: request.registry }, call)
      return intents > 0 ? [] : await store.claimQueue(request, call)
    },
  }),
  'queue/claims-are-of-one-store': store => ({
    claimQueue: (request, call) => store.claimQueue({ ...request, store: request.store === 'second' ? 'main' : request.store }, call),
  }),
  // It goes by when they were queued.
  'queue/the-longest-due-first': store => ({
    async claimQueue(request, call) {
      const { items } = await store.pending({ registry: request.registry, of: 'tasks', after: undefined, limit: 99 }, call)
      const claimed = await store.claimQueue({ ...request, limit: 99 }, call)
      const order = new Map(items.map(({ id }, at) => [id, at]))
      return claimed.toSorted((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0)).slice(0, request.limit)
    },
  }),
  'queue/to-wait-is-no-failure': store => ({
    settleQueue: (request, call) =>
      store.settleQueue(
        request.outcome.state === 'retry' ? { ...request, outcome: { ...request.outcome, code: request.outcome.code ?? 'unknown' } } : request,
        call,
      ),
  }),
  'views/troubled': store => ({
    troubled: async (request, call) => (await store.troubled(request, call)).filter(({ store: at }) => request.stores.includes(at)),
  }),
  'views/pending-tells-all': store => ({
    async pending(request, call) {
      const page = await store.pending(request, call)
      return { ...page, items: page.items.map(item => ({ ...item, code: item.attempts > 0 ? 'unavailable' : item.code })) }
    },
  }),
  'views/owners': store => ({
    owners: async (request, call) => (await store.owners(request, call)).map(owner => ({ ...owner, intents: 0 })),
  }),
  // A task in the way counts as the repair itself.
  'queue/repairs-are-queued-or-refused': store => ({
    async queueRepair(request, call) {
      const { registry, store: name, path } = request
      const [owner] = await store.owners({ registry, store: name, paths: [path] }, call)
      return (await store.queueRepair(request, call)) || owner?.tasks === 1
    },
  }),
  'stores/store-names-are-bound': store => ({
    bindStores: (request, call) => store.bindStores(request, call).catch(() => ({ missing: [], bound: {} })),
  }),
  'stores/bindings-are-told': store => ({
    bindStores: async (request, call) => ({ ...(await store.bindStores(request, call)), bound: request.stores }),
  }),
  'audit/changes-are-chained': store => ({
    readAudit: async (request, call) => (await store.readAudit(request, call)).map(entry => ({ ...entry, key: entry.key?.toUpperCase() })),
  }),
  'audit/operation-ids-append-once': store => ({
    appendAudit: (request, call) => store.appendAudit({ ...request, entry: { ...request.entry, operationId: randomUUID() } }, call),
  }),
  'audit/only-ok-ends-an-operation': store => ({
    async commitCreate(request, call) {
      const answer = await store.commitCreate(request, call)
      const entries = await store.readAudit({ registry: request.registry, account: request.account, after: 0, limit: 1000 }, {})
      if (answer.state !== 'undone' || !entries.some(({ operationId }) => operationId === request.token)) return answer
      return { state: 'committed', record: undefined, claimed: [] }
    },
  }),
  'audit/reads-from-a-sequence': store => ({
    readAudit: (request, call) => store.readAudit({ ...request, after: Math.max(0, request.after - 1) }, call),
  }),
  'audit/aborted-before-it-started': store => ({ beginCreate: request => store.beginCreate(request, {}) }),
  'audit/closed-for-good': () => ({ close: async () => {} }),
  // Those for whom something was done.
  'accounts/from-their-first-entry': store => ({
    accounts: async (request, call) => {
      const { registry } = request
      const listed = await store.accounts(request, call)
      const trails = await Promise.all(listed.map(account => store.readAudit({ registry, account, after: 0, limit: 1000 }, call)))
      return listed.filter((_, index) => trails[index]?.some(({ outcome }) => outcome === 'ok'))
    },
  }),
  'accounts/stay-without-records': store => ({
    accounts: async (request, call) => {
      const listed = await store.accounts(request, call)
      const all = {
        registry: request.registry,
        limit: 1,
        sortBy: 'key',
        sortOrder: 'asc',
        startingAfter: undefined,
        endingBefore: undefined,
      } as const
      const pages = await Promise.all(listed.map(account => store.page({ ...all, account }, call)))
      return listed.filter((_, index) => pages[index]?.total !== 0)
    },
  }),
  'accounts/of-one-registry': (store, { shared }) => ({
    beginCreate: (request, call) => {
      shared.set(request.registry, true)
      return store.beginCreate(request, call)
    },
    accounts: async (request, call) => {
      const lists = [...shared.keys()].map(registry => store.accounts({ ...request, registry }, call))
      return [...new Set((await Promise.all(lists)).flat())].toSorted()
    },
  }),
  'accounts/walked-in-the-order-of-bytes': store => ({
    accounts: async (request, call) => (await store.accounts(request, call)).toSorted((a, b) => a.localeCompare(b)),
  }),
  'accounts/a-real-limit': store => ({
    accounts: (request, call) => store.accounts({ ...request, limit: Math.max(1, Math.floor(request.limit) || 1) }, call),
  }),
  'pages/unknown-account-is-empty': store => ({
    async page(request, call) {
      const page = await store.page(request, call)
      if (page.total === 0) throw SecretError.refused('not_found', 'metadata.page')
      return page
    },
  }),
  'pages/scan-walks-a-store': store => ({
    scan: async (request, call) => (await store.scan(request, call)).toSorted((a, b) => (a.pointer.path < b.pointer.path ? -1 : 1)),
  }),
  // JavaScript's own order is of UTF-16.
  'pages/sorts': store => ({
    async page(request, call) {
      const page = await store.page(request, call)
      const way = request.sortOrder === 'asc' ? 1 : -1
      const items = page.items.toSorted((a, b) => (a.key < b.key ? -way : way))
      return request.sortBy === 'key' ? { ...page, items } : page
    },
  }),
  'pages/cursors-of-this-account-only': store => ({
    page: (request, call) =>
      store.page(request, call).catch((error: unknown) => {
        if (request.startingAfter === undefined) throw error
        return store.page({ ...request, startingAfter: undefined }, call)
      }),
  }),
  'pages/like-a-sorted-array': store => ({
    async page(request, call) {
      const page = await store.page(request, call)
      return { ...page, hasMore: page.items.length === page.limit }
    },
  }),
  'pages/walks-once-while-rows-go': store => ({
    async page(request, call) {
      const cursor = request.startingAfter ?? request.endingBefore
      const { registry, account } = request
      const row = cursor === undefined ? true : await store.find({ registry, account, id: cursor }, call)
      if (row === undefined) throw SecretError.invalid('metadata.page', 'the cursor is gone')
      return await store.page(request, call)
    },
  }),
  'races/what-is-written-is-seen-by-others': store => {
    const cache = new Map<string | undefined, Awaited<ReturnType<MetadataStore['find']>>>()
    return {
      async find(request, call) {
        const known = cache.get(request.id) ?? (await store.find(request, call))
        cache.set(request.id, known)
        return known
      },
    }
  },
  'races/one-creator-of-a-key': (store, { number }) => ({
    beginCreate: (request, call) => store.beginCreate({ ...request, key: `${request.key} ${number}` }, call),
  }),
  'races/one-path-one-record': (store, { number }) => ({
    beginCreate: (request, call) => store.beginCreate({ ...request, path: `${request.path} ${number}` as typeof request.path }, call),
  }),
  'races/one-update-begins': (store, { shared }) => ({
    async beginUpdate(request, call) {
      const answer = await store.beginUpdate(request, call)
      if (answer.state === 'begun') shared.set(request.secret, answer)
      return (shared.get(request.secret) as typeof answer | undefined) ?? answer
    },
  }),
  'races/one-effect-of-a-request': (store, { number }) =>
    beginning(store, request => ({ ...request, ids: request.ids.map(id => `${id} ${number}`) })),
  'races/requests-are-forgotten-once': (store, { shared }) => ({
    forgetRequests: coalesced(shared, 'forget', (request, call) => store.forgetRequests(request, call)),
  }),
  'races/one-change-of-a-revision': store => ({
    updateDescription: comparingBefore(store, (request, call) => store.updateDescription(request, call)),
  }),
  'races/one-rollback-of-a-revision': store => ({
    commitRollback: comparingBefore(store, (request, call) => store.commitRollback(request, call)),
  }),
  'races/rollback-or-destruction': store => ({
    // Looks what is kept before its transaction.
    async commitRollback(request, call) {
      const { registry, account, secret: id, version } = request
      const found = await store.find({ registry, account, id }, call)
      try {
        return await store.commitRollback(request, call)
      } catch (error) {
        if (found?.versions.some(kept => kept.version === version) !== true || !isCode(error, 'not_found')) throw error
        return { state: 'done', record: found, claimed: [] }
      }
    },
  }),
  'races/delete-or-update': (store, { shared }) => ({
    async beginUpdate(request, call) {
      const answer = await store.beginUpdate(request, call)
      if (answer.state === 'begun') shared.set(request.secret, answer.intent)
      return answer
    },
    async commitDelete(request, call) {
      const answer = await store.commitDelete(request, call)
      if (answer.state !== 'busy') return answer
      const { account, token } = shared.get(request.secret) as Request<'abandon'>
      await store.abandon({ registry: request.registry, intent: answer.intent, account, token, code: 'aborted', enqueue: [] }, call)
      return await store.commitDelete(request, call)
    },
  }),
  'races/commit-or-abandon': store => ({
    async abandon(request, call) {
      await store.abandon(request, call)
      return { state: 'undone' }
    },
  }),
  'races/one-commit': (store, { shared }) => ({
    async commitUpdate(request, call) {
      if (isAgain(shared, request.intent)) throw SecretError.refused('conflict', 'metadata.commitUpdate')
      return await store.commitUpdate(request, call)
    },
  }),
  'races/one-recovery-of-an-intent': (store, { shared }) => ({
    claimExpiredIntents: coalesced(shared, 'recover', (request, call) => store.claimExpiredIntents(request, call)),
  }),
  'races/one-claimant-of-a-task': (store, { shared }) => ({
    claimQueue: coalesced(shared, 'claim', (request, call) => store.claimQueue(request, call)),
  }),
  'races/one-repair-of-a-path': (store, { shared }) => ({
    queueRepair: coalesced(shared, 'repair', (request, call) => store.queueRepair(request, call)),
  }),
  'races/one-location-of-a-name': store => ({
    bindStores: (request, call) => store.bindStores(request, call).catch(() => ({ missing: [], bound: {} })),
  }),
  'races/the-audit-chain-is-whole': store => ({
    // Answered before it is written.
    appendAudit: async (request, call) => void setTimeout(() => void store.appendAudit(request, call).catch(() => {}), 50),
  }),
  'races/pages-while-others-write': store => ({
    async page(request, call) {
      const page = await store.page(request, call)
      const { registry, account, startingAfter: id } = request
      const first = id === undefined ? undefined : await store.find({ registry, account, id }, call)
      return first === undefined ? page : { ...page, items: [first, ...page.items] }
    },
  }),
  'calls/aborted-in-mid-call': store => ({
    async commitCreate(request, { signal }) {
      const answer = await store.commitCreate(request, {})
      for (let ticks = 0; ticks < 3; ticks += 1) await tick()
      if (signal?.aborted === true) throw SecretError.refused('aborted', 'metadata.commitCreate')
      return answer
    },
  }),
  'calls/a-store-that-closes': store => {
    let isClosed = false
    return {
      async close() {
        isClosed = true
        await store.close()
      },
      async find(request, call) {
        if (isClosed) throw new TypeError('the connection is null')
        return await store.find(request, call)
      },
    }
  },
  ...migrationFaults,
}

/** The store with the fault in it. */
export function withFault(store: MetadataStore, fault: Partial<MetadataStore>): MetadataStore {
  return new Proxy(store, {
    get(target, name: keyof MetadataStore) {
      const own: unknown = fault[name] ?? target[name]
      return typeof own === 'function' ? own.bind(target) : own
    },
  })
}
