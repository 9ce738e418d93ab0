import { SecretError, type CallOptions, type IdempotentRequest } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { FAULTS, flavours, repeatables, runAskedAgain, runEveryStep, type KnockOut } from './support/crash-matrix.ts'

// Every step of every write that may have an idempotency key, with each way to go wrong; then the same request from another process.

describe.each(flavours)('on a backend like %s', flavour => {
  describe.each(repeatables)('%s', operation => {
    it.each(FAULTS)('%s, at any step, and asked for again: one effect, one answer', async fault => {
      const runs = await runEveryStep(flavour, operation, fault, runAskedAgain)
      expect(runs.length).toBeGreaterThan(operation === 'describe' ? 0 : 2)
    })
  })
})

type Beginning = { readonly request?: IdempotentRequest | undefined }

/** The same in every method that begins. */
function begins(change: (request: IdempotentRequest | undefined) => IdempotentRequest | undefined): KnockOut {
  const changed = <R extends Beginning, A>(method: (request: R, call: CallOptions) => Promise<A>) => {
    return async (request: R, call: CallOptions): Promise<A> => await method({ ...request, request: change(request.request) }, call)
  }
  return {
    metadata: metadata => ({
      ...metadata,
      beginCreate: changed(metadata.beginCreate),
      beginUpdate: changed(metadata.beginUpdate),
      updateDescription: changed(metadata.updateDescription),
    }),
  }
}

const KNOCK_OUTS: Readonly<Record<string, () => KnockOut>> = {
  'a request is not remembered': () => begins(() => undefined),
  'each process remembers its own': () => {
    let number = 0
    return begins(request => request && { ...request, ids: request.ids.map(id => `${id} ${(number += 1)}`) })
  },
  'a request that was undone is not begun anew': () => {
    const asked = new Map<string, string>()
    return {
      metadata: metadata => ({
        ...metadata,
        beginCreate: async (request, call) => {
          const answer = await metadata.beginCreate(request, call)
          const [id = ''] = request.request?.ids ?? []
          const token = asked.get(id) ?? request.token
          asked.set(id, token)
          if (answer.state !== 'begun' || token === request.token || id === '') return answer
          throw SecretError.refused('idempotency_mismatch', 'metadata.beginCreate')
        },
      }),
    }
  },
  'recovery keeps no answer': () => {
    const recovered = new Set<string>()
    const forgotten = new Set<string>()
    return {
      metadata: metadata => ({
        ...metadata,
        claimExpiredIntents: async (request, call) => {
          const claimed = await metadata.claimExpiredIntents(request, call)
          for (const { id, request: asked } of claimed) if (asked !== undefined) recovered.add(`${id} ${asked}`)
          return claimed
        },
        commitUpdate: async (request, call) => {
          const asked = [...recovered].find(one => one.startsWith(`${request.intent} `))?.split(' ')[1]
          if (asked !== undefined) forgotten.add(asked)
          return await metadata.commitUpdate(request, call)
        },
        beginUpdate: async (request, call) => {
          const known = request.request?.ids.every(id => forgotten.has(id)) !== true
          return await metadata.beginUpdate(known ? request : { ...request, request: undefined }, call)
        },
      }),
    }
  },
}

/** The first scenario that fails. */
async function firstFailure(knockOut: KnockOut): Promise<unknown> {
  for (const fault of FAULTS) {
    for (const operation of repeatables) {
      for (const flavour of flavours) {
        try {
          await runEveryStep(flavour, operation, fault, (...scenario) => runAskedAgain(...scenario, knockOut))
        } catch (error) {
          return error
        }
      }
    }
  }
  return undefined
}

describe('without its rule it is caught', () => {
  it.each(Object.entries(KNOCK_OUTS))('%s', async (_, knockOut) => {
    const failure = await firstFailure(knockOut())
    expect(failure, 'no scenario sees it').toBeDefined()
    expect(failure).not.toBeInstanceOf(TypeError)
  })
})
