// oxlint-disable oxc/no-map-spread -- copies, since what the backend gave is not ours to change
import type { DriverEntry, DriverPage, DriverVersion, NativePath, Payload, VersionId } from '@strongroom/core'
import type { FaultyDriver } from './faulty-driver.ts'

export const faultyReads: readonly FaultyDriver[] = [
  {
    name: 'answers the newest version on a pinned read',
    catches: 'read/exact-version-after-more-writes',
    mutate: driver => ({ ...driver, read: (request, call) => driver.read({ ...request, version: undefined }, call) }),
  },
  {
    name: 'answers the current version for one that is not there',
    catches: 'read/unknown-version-is-not-found',
    mutate: driver => ({
      ...driver,
      read: async (request, call) => {
        try {
          return await driver.read(request, call)
        } catch (error) {
          if (request.version === undefined || driver.classify(error).code !== 'not_found') throw error
          return await driver.read({ ...request, version: undefined }, call)
        }
      },
    }),
  },
  {
    name: 'names the version that was asked for, whatever it read',
    catches: 'read/current-names-its-version',
    mutate: driver => ({
      ...driver,
      read: async (request, call) => ({ ...(await driver.read(request, call)), version: request.version ?? ('1' as VersionId) }),
    }),
  },
  {
    name: 'serves current versions from a cache',
    catches: 'out-of-band/reads-come-from-the-backend',
    mutate: driver => {
      const cache = new Map<string, { payload: Payload; version: VersionId }>()
      return {
        ...driver,
        read: async (request, call) => {
          const key = `${request.path} ${request.version ?? 'current'}`
          const answer = cache.get(key) ?? (await driver.read(request, call))
          cache.set(key, answer)
          return { ...answer, payload: { ...answer.payload, bytes: answer.payload.bytes.slice() } }
        },
        append: (request, call) => {
          cache.delete(`${request.path} current`)
          return driver.append(request, call)
        },
      }
    },
  },
  {
    name: 'remembers what was missing',
    catches: 'read/failures-do-not-stick',
    mutate: driver => {
      const failures = new Map<NativePath, unknown>()
      return {
        ...driver,
        read: async (request, call) => {
          if (failures.has(request.path)) throw failures.get(request.path)
          return await driver.read(request, call).catch((error: unknown) => {
            failures.set(request.path, error)
            throw error
          })
        },
      }
    },
  },
  {
    name: 'gives every reader the same bytes',
    catches: 'values/results-own-their-bytes',
    mutate: driver => {
      const shared = new Map<string, Uint8Array>()
      return {
        ...driver,
        read: async (request, call) => {
          const answer = await driver.read(request, call)
          const key = `${request.path} ${answer.version}`
          const bytes = shared.get(key) ?? answer.payload.bytes
          shared.set(key, bytes)
          return { ...answer, payload: { ...answer.payload, bytes } }
        },
      }
    },
  },
  {
    name: 'throws for a batch with one missing',
    catches: 'read-many/an-outcome-for-every-path',
    mutate: driver => ({
      ...driver,
      readMany: async (request, call) => {
        for (const path of request.paths) await driver.read({ path, version: undefined }, call)
        return await driver.readMany(request, call)
      },
    }),
  },
  {
    name: 'leaves the missing out of a batch',
    catches: 'read-many/an-outcome-for-every-path',
    mutate: driver => ({
      ...driver,
      readMany: async (request, call) => (await driver.readMany(request, call)).filter(outcome => 'payload' in outcome),
    }),
  },
  {
    name: 'reads the newest version in a batch, staged or not',
    catches: 'read-many/reads-current-versions',
    mutate: driver => ({
      ...driver,
      readMany: async (request, call) =>
        await Promise.all(
          request.paths.map(async path => {
            const { items } = await driver.versions({ path, after: undefined, page: undefined }, call)
            return { path, ...(await driver.read({ path, version: items.at(-1)?.version }, call)) }
          }),
        ),
    }),
  },
  {
    name: 'gives the path for the full path in a list with labels',
    catches: 'list/full-path-as-create',
    mutate: driver => ({
      ...driver,
      create: async (request, call) => ({ ...(await driver.create(request, call)), fullPath: `memory://${request.path}` }),
      list: async (request, call) => {
        const { items, next } = await driver.list(request, call)
        return { items: items.map(item => ({ ...item, fullPath: request.withLabels ? item.path : `memory://${item.path}` })), next }
      },
    }),
  },
  {
    name: 'drops the second page',
    catches: 'list/every-item-once-across-pages',
    mutate: driver => ({ ...driver, list: async (request, call) => ({ ...(await driver.list(request, call)), next: undefined }) }),
  },
  {
    name: 'repeats an item across pages',
    catches: 'list/every-item-once-across-pages',
    mutate: driver => {
      const last = new Map<string, DriverEntry>()
      return {
        ...driver,
        list: async (request, call) => {
          const answer: DriverPage<DriverEntry> = await driver.list(request, call)
          const before = request.page === undefined ? undefined : last.get(request.prefix)
          const newest = answer.items.at(-1)
          if (newest !== undefined) last.set(request.prefix, newest)
          return { ...answer, items: before === undefined ? answer.items : [before, ...answer.items] }
        },
      }
    },
  },
  {
    name: 'pages by position, so that others’ writes shift the pages',
    catches: 'list/while-others-write',
    mutate: driver => ({
      ...driver,
      list: async (request, call) => {
        const all: DriverEntry[] = []
        let page: string | undefined
        do {
          const answer = await driver.list({ ...request, page }, call)
          all.push(...answer.items)
          page = answer.next
        } while (page !== undefined)
        const from = Number(request.page ?? 0)
        return { items: all.slice(from, from + 7), next: from + 7 < all.length ? String(from + 7) : undefined }
      },
    }),
  },
  {
    name: 'forgets a page token once it was used',
    catches: 'list/page-token-works-twice',
    mutate: driver => {
      const used = new Set<string>()
      return {
        ...driver,
        list: async (request, call) => {
          if (request.page === undefined) return await driver.list(request, call)
          if (used.has(request.page)) return { items: [], next: undefined }
          used.add(request.page)
          return await driver.list(request, call)
        },
      }
    },
  },
  {
    name: 'pages never end',
    catches: 'list/nothing-is-an-empty-list',
    mutate: driver => ({ ...driver, list: async (request, call) => ({ ...(await driver.list(request, call)), next: 'again' }) }),
  },
  {
    name: 'list ignores the prefix',
    catches: 'list/prefix-is-exact',
    mutate: driver => ({ ...driver, list: (request, call) => driver.list({ ...request, prefix: request.prefix.slice(0, 13) }, call) }),
  },
  {
    name: 'list takes the prefix for a folder',
    catches: 'list/prefix-is-exact',
    mutate: driver => ({
      ...driver,
      list: async (request, call) => {
        const { items, next } = await driver.list(request, call)
        return {
          items: items.filter(({ path }) => request.prefix.endsWith('-') || path === request.prefix || path.startsWith(`${request.prefix}-`)),
          next,
        }
      },
    }),
  },
  {
    name: 'list leaves out labels',
    catches: 'list/labels-round-trip',
    mutate: driver => ({
      ...driver,
      list: async (request, call) => {
        const { items, next } = await driver.list(request, call)
        return { items: items.map(item => ({ ...item, labels: request.withLabels ? {} : undefined })), next }
      },
    }),
  },
  {
    name: 'an append takes the labels away',
    catches: 'append/keeps-labels',
    mutate: driver => {
      const appended = new Set<NativePath>()
      return {
        ...driver,
        append: (request, call) => {
          appended.add(request.path)
          return driver.append(request, call)
        },
        list: async (request, call) => {
          const { items, next } = await driver.list(request, call)
          return { items: items.map(item => (appended.has(item.path) && request.withLabels ? { ...item, labels: {} } : item)), next }
        },
      }
    },
  },
  {
    name: 'answers no versions for a missing secret',
    catches: 'versions/missing-is-not-found',
    mutate: driver => ({
      ...driver,
      versions: async (request, call) => await driver.versions(request, call).catch(() => ({ items: [], next: undefined })),
    }),
  },
  {
    name: 'lists versions newest first, and says that it compares',
    catches: 'versions/oldest-first',
    mutate: driver => ({
      ...driver,
      versions: async (request, call) => {
        const { items, next } = await driver.versions(request, call)
        return { items: items.toReversed(), next }
      },
    }),
  },
  {
    name: 'calls every version current',
    catches: 'versions/each-once-and-one-current',
    mutate: driver => ({
      ...driver,
      versions: async (request, call) => {
        const { items, next } = await driver.versions(request, call)
        return { items: items.map((item): DriverVersion => ({ ...item, current: true })), next }
      },
    }),
  },
  {
    name: 'takes `after` for the last to be listed',
    catches: 'versions/after-leaves-out-nothing-newer',
    mutate: driver => ({
      ...driver,
      versions: async (request, call) => {
        const { items, next } = await driver.versions(request, call)
        const { after } = request
        return after === undefined
          ? { items, next }
          : { items: items.slice(0, items.findIndex(({ version }) => version === after) + 1), next: undefined }
      },
    }),
  },
  {
    name: 'claims tokens where it declares positions',
    catches: 'versions/tokens-only-where-declared',
    capabilities: { versionProof: 'position' },
    mutate: driver => ({
      ...driver,
      versions: async (request, call) => {
        const { items, next } = await driver.versions(request, call)
        return { items: items.map(item => ({ ...item, token: item.version })), next }
      },
    }),
  },
]
