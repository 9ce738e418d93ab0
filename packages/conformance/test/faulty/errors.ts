import { createHash } from 'node:crypto'
import type { Failure, SecretDriver } from '@strongroom/core'
import { BackendFault } from '../memory-harness.ts'
import type { FaultyDriver } from './faulty-driver.ts'

/** Repeats a call whose answer did not come, as an SDK does by default. */
async function twice<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof BackendFault) || error.fault === 'denied') throw error
    return await work()
  }
}

/** Puts the value of the last write where an SDK would. */
function remembering(driver: SecretDriver, tell: (failure: Failure, value: string) => Failure): SecretDriver {
  let last = ''
  return {
    ...driver,
    create: (request, call) => {
      last = new TextDecoder().decode(request.payload.bytes)
      return driver.create(request, call)
    },
    append: (request, call) => {
      last = new TextDecoder().decode(request.payload.bytes)
      return driver.append(request, call)
    },
    classify: error => tell(driver.classify(error), last),
  }
}

function reclassified(driver: SecretDriver, change: (failure: Failure) => Failure): SecretDriver {
  return { ...driver, classify: error => change(driver.classify(error)) }
}

export const faultyErrors: readonly FaultyDriver[] = [
  {
    name: 'tells the value in a hint',
    catches: 'leaks/create-existing',
    mutate: driver => remembering(driver, (failure, value) => ({ ...failure, hint: `the backend refused "${value}"` })),
  },
  {
    name: 'tells the value in base64 in a hint',
    catches: 'leaks/denied',
    mutate: driver => remembering(driver, (failure, value) => ({ ...failure, hint: Buffer.from(`{"v":"${value}"}`).toString('base64') })),
  },
  {
    name: 'carries the SDK’s error, value and all, as the cause of a classification',
    catches: 'leaks/lost-answer',
    mutate: driver =>
      remembering(driver, (failure, value) =>
        Object.assign({ ...failure }, { cause: Object.assign(new Error('400'), { request: { body: value } }) }),
      ),
  },
  {
    name: 'hides the value in a property that is not enumerable',
    catches: 'leaks/throttled',
    mutate: driver =>
      remembering(driver, (failure, value) =>
        Object.defineProperty({ ...failure }, Symbol('request'), { value: { body: value }, enumerable: false }),
      ),
  },
  {
    name: 'tells a digest of the value in a hint',
    catches: 'leaks/create-existing',
    mutate: driver => remembering(driver, (failure, value) => ({ ...failure, hint: `sha256 ${createHash('sha256').update(value).digest('hex')}` })),
  },
  {
    name: 'prints what it sends',
    catches: 'leaks/good-calls',
    mutate: driver => ({
      ...driver,
      create: (request, call) => {
        process.stderr.write(`debug: ${new TextDecoder().decode(request.payload.bytes)}\n`)
        return driver.create(request, call)
      },
    }),
  },
  {
    name: 'keeps the last request in sight',
    catches: 'leaks/driver-shows-nothing',
    mutate: driver => {
      const capabilities = { ...driver.capabilities, last: '' }
      return {
        ...driver,
        capabilities,
        create: (request, call) => {
          capabilities.last = new TextDecoder().decode(request.payload.bytes)
          return driver.create(request, call)
        },
      }
    },
  },
  {
    name: 'makes a hint of the SDK’s message',
    catches: 'leaks/classify-keeps-quiet',
    mutate: driver => ({
      ...driver,
      classify: error => ({ ...driver.classify(error), ...(error instanceof Error ? { hint: error.message } : {}) }),
    }),
  },
  {
    name: 'ignores the signal of a read',
    catches: 'cancellation/aborted-before-read',
    mutate: driver => ({ ...driver, read: (request, call) => driver.read(request, { ...call, signal: new AbortController().signal }) }),
  },
  {
    name: 'ignores the signal of an append',
    catches: 'cancellation/aborted-before-append',
    mutate: driver => ({ ...driver, append: (request, call) => driver.append(request, { ...call, signal: new AbortController().signal }) }),
  },
  {
    name: 'does not hear a signal once the request is sent',
    catches: 'cancellation/aborted-while-the-backend-is-silent',
    mutate: driver => ({
      ...driver,
      read: (request, call) => {
        call.signal.throwIfAborted()
        return driver.read(request, { ...call, signal: new AbortController().signal })
      },
    }),
  },
  {
    name: 'takes an abort for a lost connection',
    catches: 'cancellation/aborted-before-read',
    mutate: driver => reclassified(driver, failure => (failure.code === 'aborted' ? { ...failure, code: 'unavailable', retryable: true } : failure)),
  },
  {
    name: 'keeps a failed start for ever',
    catches: 'faults/failed-first-call-is-forgotten',
    mutate: driver => {
      let start: Promise<unknown> | undefined
      return {
        ...driver,
        read: async (request, call) => {
          start ??= driver.list({ prefix: 'start', withLabels: false, page: undefined }, call)
          await start
          return await driver.read(request, call)
        },
      }
    },
  },
  {
    name: 'keeps a first call that was aborted for ever',
    catches: 'cancellation/aborted-first-call-is-forgotten',
    mutate: driver => {
      let start: Promise<unknown> | undefined
      return {
        ...driver,
        read: async (request, call) => {
          start ??= driver.list({ prefix: 'start', withLabels: false, page: undefined }, call)
          await start
          return await driver.read(request, call)
        },
      }
    },
  },
  {
    name: 'takes denied for missing',
    catches: 'errors/denied-read',
    mutate: driver => reclassified(driver, failure => (failure.code === 'permission_denied' ? { ...failure, code: 'not_found' } : failure)),
  },
  {
    name: 'takes a denied purge for done',
    catches: 'errors/denied-purge',
    mutate: driver => ({
      ...driver,
      remove: async (request, call) => await driver.remove(request, call).catch(() => ({ state: 'gone' }) as const),
    }),
  },
  {
    name: 'lists nothing where it is denied',
    catches: 'errors/denied-list',
    mutate: driver => ({
      ...driver,
      list: async (request, call) => await driver.list(request, call).catch(() => ({ items: [], next: undefined })),
    }),
  },
  {
    name: 'reads before it appends, so that who manages must be able to read',
    catches: 'errors/manage-only-can-do-the-rest',
    mutate: driver => ({
      ...driver,
      append: async (request, call) => {
        await driver.read({ path: request.path, version: undefined }, call)
        return await driver.append(request, call)
      },
    }),
  },
  {
    name: 'retries by itself',
    catches: 'faults/driver-never-retries',
    mutate: driver => ({ ...driver, read: (request, call) => twice(() => driver.read(request, call)) }),
  },
  {
    name: 'appends twice when an answer is lost',
    catches: 'faults/store-put-is-never-doubled',
    mutate: driver => ({ ...driver, append: (request, call) => twice(() => driver.append(request, call)) }),
  },
  {
    name: 'says that a lost answer had no effect',
    catches: 'effects/append-lost-answer',
    mutate: driver => reclassified(driver, failure => ({ ...failure, effect: 'none' })),
  },
  {
    name: 'says that a lost answer had no effect, so that core writes twice',
    catches: 'faults/store-put-is-never-doubled',
    mutate: driver => reclassified(driver, failure => ({ ...failure, effect: 'none' })),
  },
  {
    name: 'says that a refusal may have had an effect',
    catches: 'create/existing-is-already-exists',
    mutate: driver => reclassified(driver, failure => ({ ...failure, effect: 'unknown' })),
  },
  {
    name: 'calls a throttled call final',
    catches: 'faults/throttled-is-classified',
    mutate: driver => reclassified(driver, failure => ({ ...failure, retryable: false })),
  },
  {
    name: 'does not pass on how long to wait',
    catches: 'faults/retry-after-is-passed-on',
    mutate: driver => reclassified(driver, ({ code, retryable, effect }) => ({ code, retryable, effect })),
  },
  {
    name: 'takes seconds for milliseconds',
    catches: 'faults/retry-after-is-passed-on',
    mutate: driver =>
      reclassified(driver, failure => (failure.retryAfterMs === undefined ? failure : { ...failure, retryAfterMs: failure.retryAfterMs / 1_000 })),
  },
  {
    name: 'throws in classify',
    catches: 'errors/classify-takes-anything',
    mutate: driver => ({ ...driver, classify: error => ((error as Error).message.length >= 0 ? driver.classify(error) : driver.classify(error)) }),
  },
  {
    name: 'takes what it does not know for missing',
    catches: 'errors/classify-takes-anything',
    mutate: driver => reclassified(driver, failure => (failure.code === 'unknown' ? { ...failure, code: 'not_found', effect: 'none' } : failure)),
  },
  {
    name: 'classifies by words in the message',
    catches: 'errors/classify-takes-anything',
    mutate: driver => ({
      ...driver,
      classify: error => {
        const failure = driver.classify(error)
        const known = failure.code !== 'unknown' || !(error instanceof Error) || Object.getOwnPropertyDescriptor(error, 'message')?.get !== undefined
        return !known && error.message.includes('AccessDenied') ? { ...failure, code: 'permission_denied', effect: 'none' } : failure
      },
    }),
  },
  {
    name: 'throws before it gives a promise',
    catches: 'errors/a-rejection-never-a-throw',
    mutate: driver => ({
      ...driver,
      read: (request, call) => {
        call.signal.throwIfAborted()
        return driver.read(request, call)
      },
    }),
  },
]
