import { SecretClient } from '@azure/keyvault-secrets'
import { expect, test } from 'vitest'
import { IDLE_POLICIES, pipelineOf } from '../src/client.ts'
import { LentSignal } from '../src/signal.ts'

test('the SDK has what is left out of its pipeline under these names', () => {
  const client = new SecretClient('https://my-vault.vault.azure.net', { getToken: async () => null })
  const names = pipelineOf(client)
    ?.getOrderedPolicies()
    .map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining([...IDLE_POLICIES, 'proxyPolicy']))
})

test('a lent signal is a standard one to the SDK, and tells what the other tells', () => {
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
