import { randomUUID } from 'node:crypto'
import type { Failure, SecretDriver, VersionId } from '@strongroom/core'
import { BackendFault, type FaultKind } from '../memory-harness.ts'
import type { FaultyDriver } from './faulty-driver.ts'
import { means } from './means.ts'

/** Runs the work; what the wire did to it, and nothing else, is answered by `instead`. */
async function unlessBroken<T>(work: Promise<T>, instead: (kind: FaultKind) => T | Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof BackendFault)) throw error
    return await instead(error.fault)
  }
}

/** What has met a fault already, by its token or path: the next call is a repeat. */
function repeats(): { readonly isOne: (id: string) => boolean; readonly note: <T>(id: string, work: Promise<T>) => Promise<T> } {
  const failed = new Set<string>()
  return {
    isOne: id => failed.has(id),
    note: async (id, work) => {
      try {
        return await work
      } catch (error) {
        failed.add(id)
        throw error
      }
    },
  }
}

/** Looks before it appends, as adapters have that cannot compare. */
function looking(driver: SecretDriver): SecretDriver {
  return {
    ...driver,
    append: async (request, call) => {
      await driver.versions({ path: request.path, after: undefined, page: undefined }, call)
      return await driver.append(request, call)
    },
  }
}

const none = (failure: Failure): Failure => ({ ...failure, effect: 'none' })

export const faultyInEffects: readonly FaultyDriver[] = [
  { name: 'says that a create without an answer had no effect', catches: 'effects/create-lost-answer', mutate: means('lost', none) },
  { name: 'says that half an answer to a restore is none', catches: 'effects/restore-cut-answer', mutate: means('lost', none) },
  { name: 'says that an abort takes back what was sent', catches: 'effects/append-aborted-answering', mutate: means('aborted', none) },
  {
    name: 'takes a refusal for something that may have been done',
    catches: 'effects/create-throttled',
    mutate: means('throttled', failure => ({ ...failure, effect: 'unknown' })),
  },
  {
    name: 'does not tell how long a write is to wait',
    catches: 'effects/destroy-version-throttled',
    mutate: means('throttled', ({ code, retryable, effect }) => ({ code, retryable, effect })),
  },
  {
    name: 'takes a page for a comparison that was lost',
    catches: 'effects/append-after-page-502',
    mutate: means('broken', failure => ({ ...failure, code: 'conflict' })),
  },
  {
    name: 'says that a look may have written',
    catches: 'effects/append-lost-answer',
    mutate: looking,
  },
  {
    name: 'takes an append that was cut off for one that was made',
    catches: 'effects/append-reset',
    mutate: driver => ({
      ...driver,
      append: (request, call) => unlessBroken(driver.append(request, call), () => ({ version: '2' as VersionId })),
    }),
  },
  {
    name: 'takes a page for the end of a destruction',
    catches: 'effects/destroy-version-page-200',
    mutate: driver => ({ ...driver, destroyVersion: (request, call) => unlessBroken(driver.destroyVersion(request, call), () => undefined) }),
  },
  {
    name: 'takes a throttled promote for one that is under way',
    catches: 'effects/promote-throttled',
    mutate: driver => ({ ...driver, promote: (request, call) => unlessBroken(driver.promote(request, call), () => undefined) }),
  },
  {
    name: 'takes a removal for done when the server fails',
    catches: 'effects/remove-server-error',
    mutate: driver => ({
      ...driver,
      remove: (request, call) => unlessBroken(driver.remove(request, call), () => ({ state: 'retained', until: undefined })),
    }),
  },
  {
    name: 'takes a host that is not there for one that has restored',
    catches: 'effects/restore-unreachable',
    mutate: driver => ({ ...driver, restore: (request, call) => unlessBroken(driver.restore(request, call), () => undefined) }),
  },
  {
    name: 'appends once more, as something new, what got no answer',
    catches: 'effects/append-staged-lost-answer',
    mutate: driver => ({
      ...driver,
      append: (request, call) => unlessBroken(driver.append(request, call), () => driver.append({ ...request, token: randomUUID() }, call)),
    }),
  },
  {
    name: 'forgets on the second try that a version is staged',
    catches: 'effects/append-staged-server-error',
    mutate: driver => {
      const { isOne, note } = repeats()
      const append: SecretDriver['append'] = (request, call) =>
        note(request.token, driver.append({ ...request, staged: request.staged && !isOne(request.token) }, call))
      return { ...driver, append }
    },
  },
  {
    name: 'forgets the labels on the second try',
    catches: 'effects/create-server-error',
    mutate: driver => {
      const { isOne, note } = repeats()
      const create: SecretDriver['create'] = (request, call) =>
        note(request.token, driver.create(isOne(request.token) ? { ...request, labels: {} } : request, call))
      return { ...driver, create }
    },
  },
  {
    name: 'cannot purge what a purge without an answer has purged',
    catches: 'effects/purge-lost-answer',
    mutate: driver => {
      const { isOne, note } = repeats()
      const remove: SecretDriver['remove'] = async (request, call) => {
        if (isOne(request.path)) await driver.read({ path: request.path, version: undefined }, call)
        return await note(request.path, driver.remove(request, call))
      }
      return { ...driver, remove }
    },
  },
  {
    name: 'does not hear its signal while a purge is not answered',
    catches: 'effects/purge-aborted-unanswered',
    mutate: driver => ({ ...driver, remove: (request, call) => driver.remove(request, { ...call, signal: new AbortController().signal }) }),
  },
  {
    name: 'tells the value when a page comes in place of an answer',
    catches: 'effects/create-page-502',
    mutate: driver => {
      let last = ''
      return {
        ...driver,
        create: (request, call) => {
          last = new TextDecoder().decode(request.payload.bytes)
          return driver.create(request, call)
        },
        classify: error => ({ ...driver.classify(error), ...(error instanceof BackendFault ? { hint: `not taken: ${last}` } : {}) }),
      }
    },
  },
]
