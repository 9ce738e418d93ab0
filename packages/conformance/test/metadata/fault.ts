import { SecretError, type CallOptions, type IdempotentRequest, type MetadataStore, type QueueDraft } from '@strongroom/core'

export type Request<Method extends keyof MetadataStore> = MetadataStore[Method] extends (request: infer R, call: never) => unknown ? R : never

/** What a store with one fault does differently. `number` tells the stores of two processes apart; `shared` is their database's own. */
export type Fault = (
  store: MetadataStore,
  world: { readonly number: number; readonly clock: () => Date; readonly shared: Map<string, unknown> },
) => Partial<MetadataStore>

export const isCode = (error: unknown, code: string): boolean => (error as { readonly code?: unknown } | null)?.code === code

/** The same change of the drafts in every method that queues. */
export const queueing = (store: MetadataStore, change: (draft: QueueDraft) => QueueDraft | undefined): Partial<MetadataStore> => {
  const changed = <R extends { readonly enqueue: readonly QueueDraft[] }>(request: R): R => ({
    ...request,
    enqueue: request.enqueue.map(change).filter(draft => draft !== undefined),
  })
  return {
    commitCreate: (request, call) => store.commitCreate(changed(request), call),
    commitUpdate: (request, call) => store.commitUpdate(changed(request), call),
    commitMigrate: (request, call) => store.commitMigrate(changed(request), call),
    commitReturn: (request, call) => store.commitReturn(changed(request), call),
    abandon: (request, call) => store.abandon(changed(request), call),
    settleQueue: (request, call) => store.settleQueue(changed(request), call),
  }
}

/** The same change of the request in every method that begins. */
export const beginning = (store: MetadataStore, change: (request: IdempotentRequest) => IdempotentRequest): Partial<MetadataStore> => {
  const changed = <R extends { readonly request?: IdempotentRequest | undefined }>(given: R): R =>
    given.request === undefined ? given : { ...given, request: change(given.request) }
  return {
    beginCreate: (request, call) => store.beginCreate(changed(request), call),
    beginUpdate: (request, call) => store.beginUpdate(changed(request), call),
    updateDescription: (request, call) => store.updateDescription(changed(request), call),
  }
}

/** The revision is compared before the transaction, and not in it. */
export const comparingBefore = <R extends Pick<Request<'commitRollback'>, 'registry' | 'account' | 'secret' | 'ifRevision'>, A>(
  store: MetadataStore,
  change: (request: R, call: CallOptions) => Promise<A>,
) => {
  return async (request: R, call: CallOptions): Promise<A> => {
    const { registry, account, secret: id, ifRevision } = request
    const found = await store.find({ registry, account, id }, call)
    if (found?.revision !== ifRevision) throw SecretError.refused('conflict', 'metadata.fault')
    return await change({ ...request, ifRevision: undefined }, call)
  }
}

/** Everybody who asks while an answer is under way gets that answer. */
export const coalesced = <R, A>(shared: Map<string, unknown>, name: string, work: (request: R, call: object) => Promise<A>) => {
  return async (request: R, call: object): Promise<A> => {
    const running = (shared.get(name) as Promise<A> | undefined) ?? work(request, call)
    shared.set(name, running)
    try {
      return await running
    } finally {
      shared.delete(name)
    }
  }
}

/** Whether it was asked for before. */
export const isAgain = (shared: Map<string, unknown>, name: string): boolean => {
  const known = shared.has(name)
  shared.set(name, true)
  return known
}
