import { pendingOfIntent } from '../metadata-support/intents.ts'
import { requireWhole, type RequestOf } from '../metadata-support/requests.ts'
import { FAILING_AFTER, pendingOfTask } from '../metadata-support/tasks.ts'
import type { PendingWork } from '../work.ts'
import type { Transaction } from './state.ts'

export function pending(
  { operation, state }: Transaction,
  { of, after, limit }: RequestOf<'pending'>,
): { readonly items: readonly PendingWork[]; readonly next: string | undefined } {
  requireWhole(operation, 'limit', limit, 1)
  const all = of === 'intents' ? [...state.intents.values()].map(pendingOfIntent) : [...state.queue.values()].map(pendingOfTask)
  const placed = all.map(item => ({ item, place: `${item.since.toISOString()} ${item.id}` })).toSorted((a, b) => (a.place < b.place ? -1 : 1))
  const page = placed.filter(({ place }) => after === undefined || place > after).slice(0, limit)
  return { items: page.map(({ item }) => item), next: page.length < limit ? undefined : page.at(-1)?.place }
}

export function troubled({ operation, state }: Transaction, { stores, limit }: RequestOf<'troubled'>): readonly PendingWork[] {
  requireWhole(operation, 'limit', limit, 1)
  const isTroubled = ({ store, attempts, retainedUntil }: PendingWork): boolean =>
    !stores.includes(store) || (attempts >= FAILING_AFTER && retainedUntil === undefined)
  const intents = [...state.intents.values()].map(pendingOfIntent).filter(isTroubled)
  const tasks = [...state.queue.values()].map(pendingOfTask).filter(isTroubled)
  return [...intents.slice(0, limit), ...tasks.slice(0, limit)]
}
