import { describe, expect, test } from 'vitest'
import { createSecretStore, type DriverCall, type SecretStore } from '../src/index.ts'
import { isAborted, LentSignal, sdkSignal, Shared, standardSignal, unlessAborted, type Abortable } from '../src/driver-support/index.ts'
import { failureOf, ScriptedDriver } from './support/scripted.ts'

interface World {
  readonly call: Abortable
  readonly abort: () => void
  readonly end: () => Promise<void>
}

/** A call of core's own, in mid-read, and one that somebody made by hand: a driver may get either. */
const worlds: Readonly<Record<string, () => Promise<World>>> = {
  "core's call": async () => {
    const started = Promise.withResolvers<DriverCall>()
    const gate = Promise.withResolvers<void>()
    const store = storeWhose(async (call, act) => {
      started.resolve(call)
      await gate.promise
      return await act()
    })
    await store.put('name', 'value')
    const controller = new AbortController()
    const ended = store.get('name', { signal: controller.signal }).catch(() => {})
    const end = async (): Promise<void> => {
      gate.resolve()
      await ended
    }
    return { call: await started.promise, abort: () => controller.abort(), end }
  },
  'a call made by hand': async () => {
    const controller = new AbortController()
    return { call: { signal: controller.signal }, abort: () => controller.abort(), end: async () => {} }
  },
}

describe.each(Object.entries(worlds))('%s', (_, open) => {
  test('tells a driver that it is over, at once and later', async () => {
    const { call, abort, end } = await open()
    expect([isAborted(call), call.signal.aborted]).toEqual([false, false])
    abort()
    expect([isAborted(call), call.signal.aborted]).toEqual([true, true])
    await end()
  })

  test('leaves work that ends by itself as it is', async () => {
    const { call, end } = await open()
    expect(await unlessAborted(Promise.resolve(1), call, 'none')).toBe(1)
    await expect(unlessAborted(Promise.reject(new Error('own')), call, 'none')).rejects.toThrow('own')
    await end()
  })

  test('is told to an SDK by onabort and by its listeners', async () => {
    const { call, abort, end } = await open()
    const told: string[] = []
    const signal = sdkSignal(call)
    const removed = (): void => void told.push('removed')
    const self = (): void => {
      told.push('self')
      signal.removeEventListener('abort', self)
    }
    Object.assign(signal, { onabort: ({ type }: Event) => void told.push(`on ${type}`) })
    signal.addEventListener('abort', self)
    signal.addEventListener('abort', ({ type }: Event) => void told.push(`listener ${type}`))
    signal.addEventListener('abort', removed)
    signal.removeEventListener('abort', removed)
    const standard = standardSignal(signal)
    expect([signal.aborted, standard.aborted, standard instanceof AbortSignal]).toEqual([false, false, true])
    abort()
    expect(told).toEqual(['on abort', 'self', 'listener abort'])
    expect([signal.aborted, standard.aborted]).toEqual([true, true])
    await end()
  })
})

test('work that does not listen is ended with the effect that the driver names, in a call made by hand', async () => {
  const controller = new AbortController()
  const endless = unlessAborted(new Promise<never>(() => {}), controller, 'unknown')
  controller.abort()
  await expect(endless).rejects.toMatchObject({ failure: { code: 'aborted', effect: 'unknown' } })
  const late = Promise.reject(new Error('nobody hears this'))
  await expect(unlessAborted(late, controller, 'none')).rejects.toMatchObject({ failure: { code: 'aborted', effect: 'none' } })
})

test("core's own call is ended by core, and what its work comes to is heard by nobody", async () => {
  const gate = Promise.withResolvers<never>()
  const store = storeWhose(async call => await unlessAborted(gate.promise, call, 'none'))
  await store.put('name', 'value')
  const controller = new AbortController()
  const read = failureOf(store.get('name', { signal: controller.signal }))
  controller.abort()
  expect(await read).toMatchObject({ code: 'aborted' })
  gate.reject(new Error('nobody hears this'))
  await store.close()
})

test('listeners do not pile up, neither on a signal of the caller nor on one that a driver asked for', async () => {
  const { signal, listening } = counted()
  const { signal: asked, listening: heard } = counted()
  const store = storeWhose(async (_, act) => await unlessAborted(act(), { signal: asked }, 'none'))
  await store.put('name', 'value')
  for (let round = 0; round < 3; round += 1) await store.get('name', { signal })
  expect([listening(), heard()]).toEqual([0, 0])
})

test('a driver that asks for no signal is ended by the deadline all the same, and later calls are not', async () => {
  const calls: DriverCall[] = []
  const store = storeWhose(async (call, act) => {
    calls.push(call)
    return calls.length === 1 ? await new Promise(() => {}) : await act()
  }, 50)
  await store.put('name', 'value')
  expect(await failureOf(store.get('name'))).toMatchObject({ code: 'deadline_exceeded' })
  expect((await store.get('name')).value.revealText()).toBe('value')
  expect(calls.map(call => isAborted(call))).toEqual([true, false])
})

test('a listener of an SDK that throws keeps neither the other listeners nor any call from its end', async () => {
  const told: string[] = []
  const store = storeWhose(async call => {
    sdkSignal(call).addEventListener('abort', () => {
      throw new Error('of the SDK')
    })
    sdkSignal(call).addEventListener('abort', () => void told.push('told'))
    return await new Promise(() => {})
  }, 50)
  await store.put('name', 'value')
  const both = await Promise.all([failureOf(store.get('name')), failureOf(store.get('name'))])
  expect(both).toMatchObject([{ code: 'deadline_exceeded' }, { code: 'deadline_exceeded' }])
  expect(told).toEqual(['told', 'told'])
})

test('shared work is done once for many, outlives those that leave, and is begun again after a failure', async () => {
  let begun = 0
  const gates = [Promise.withResolvers<number>(), Promise.withResolvers<number>()]
  const shared = new Shared<number>()
  const work = async (): Promise<number> => await (gates[begun++] as (typeof gates)[0]).promise
  const leaving = new AbortController()
  const staying = new AbortController()
  const left = shared.run(work, leaving)
  const stayed = shared.run(work, staying)
  leaving.abort()
  await expect(left).rejects.toMatchObject({ failure: { code: 'aborted', effect: 'none' } })
  gates[0]?.reject(new Error('the first'))
  await expect(stayed).rejects.toThrow('the first')
  const again = shared.run(work, staying)
  gates[1]?.resolve(2)
  expect([await again, begun]).toEqual([2, 2])
})

function storeWhose(read: (call: DriverCall, act: () => Promise<unknown>) => Promise<unknown>, deadlineMs = 10_000): SecretStore {
  const { driver, memory } = new ScriptedDriver()
  const act = (request: Parameters<typeof memory.read>[0], call: DriverCall) => read(call, () => memory.read(request, call))
  return createSecretStore({ ...driver, read: act as typeof memory.read }, { deadlineMs, attempts: 1 })
}

function counted(): { readonly signal: AbortSignal; readonly listening: () => number } {
  const { signal } = new AbortController()
  let listening = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...given: Parameters<typeof add>) => ((listening += 1), add(...given))
  signal.removeEventListener = (...given: Parameters<typeof remove>) => ((listening -= 1), remove(...given))
  return { signal, listening: () => listening }
}

test('a lent signal is a standard one to an SDK, and tells what the other tells', () => {
  const controller = new AbortController()
  const lent = new LentSignal(controller.signal)
  const told: string[] = []
  const listener = ({ type }: Event): void => void told.push(type)
  const removed = (): void => void told.push('removed')
  lent.addEventListener('abort', listener)
  lent.addEventListener('abort', removed)
  lent.removeEventListener('abort', removed)
  expect([lent instanceof AbortSignal, lent.aborted, lent.standard()]).toEqual([true, false, controller.signal])
  controller.abort()
  expect([lent.aborted, told]).toEqual([true, ['abort']])
})
