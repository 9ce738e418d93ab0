import type { VersionId } from '@strongroom/core'
import { randomUUID } from 'node:crypto'
import { BackendFault } from '../memory-harness.ts'
import type { FaultyDriver } from './faulty-driver.ts'
import { means } from './means.ts'

export const faultyOnTheWire: readonly FaultyDriver[] = [
  {
    name: 'says that what got no answer had no effect',
    catches: 'wire/cut-storm-put',
    mutate: means('lost', failure => ({ ...failure, effect: 'none', retryable: false })),
  },
  {
    name: 'takes half an answer for a secret that is missing',
    catches: 'wire/cut-storm-get',
    mutate: means('lost', failure => ({ ...failure, code: 'not_found' })),
  },
  {
    name: 'does not know a load balancer’s page',
    catches: 'wire/html-storm-get',
    mutate: means('broken', failure => ({ ...failure, code: 'unknown' })),
  },
  {
    name: 'takes a second request that failed for one that was made',
    catches: 'wire/each-reset-put',
    mutate: driver => ({
      ...driver,
      append: async (request, call) => {
        // A look before the write, as adapters have that cannot compare.
        const { items } = await driver.versions({ path: request.path, after: undefined, page: undefined }, call)
        try {
          return await driver.append(request, call)
        } catch (error) {
          if (!(error instanceof BackendFault)) throw error
          return { version: String(items.length + 1) as VersionId }
        }
      },
    }),
  },
  {
    name: 'removes the newest version first',
    catches: 'wire/each-lose-purge',
    mutate: driver => ({
      ...driver,
      remove: async (request, call) => {
        const { items } = await driver.versions({ path: request.path, after: undefined, page: undefined }, call)
        const [oldest] = items
        if (oldest !== undefined) await driver.promote({ path: request.path, version: oldest.version, from: String(items.length) as VersionId }, call)
        return await driver.remove(request, call)
      },
    }),
  },
  {
    name: 'takes an unreachable host for an effect',
    catches: 'effects/append-unreachable',
    mutate: means('refused', failure => ({ ...failure, effect: 'unknown' })),
  },
  {
    name: 'writes again, as something new, what got no answer',
    catches: 'wire/lose-put',
    mutate: driver => ({
      ...driver,
      append: async (request, call) => {
        try {
          return await driver.append(request, call)
        } catch (error) {
          if (!(error instanceof BackendFault)) throw error
          return await driver.append({ ...request, token: randomUUID() }, call)
        }
      },
    }),
  },
  {
    name: 'lists nothing when the list could not be had',
    catches: 'wire/reset-list',
    mutate: driver => ({ ...driver, list: async (request, call) => await driver.list(request, call).catch(() => ({ items: [], next: undefined })) }),
  },
  {
    name: 'says that a purge without an answer was done',
    catches: 'wire/server-error-storm-purge',
    mutate: driver => ({ ...driver, remove: async (request, call) => await driver.remove(request, call).catch(() => ({ state: 'gone' }) as const) }),
  },
]
