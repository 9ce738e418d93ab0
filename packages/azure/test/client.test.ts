import { createRequire } from 'node:module'
import { SecretClient } from '@azure/keyvault-secrets'
import type { NativePath } from '@strongroom/core'
import { startAzureEmulator } from '@strongroom/emulators/azure'
import { expect, test } from 'vitest'
import { IDLE_POLICIES, pipelineOf, UNTRACED } from '../src/client.ts'
import { azureDriver } from '../src/index.ts'
import { call } from './fake-client.ts'
import { optionsAt } from './vault.ts'

const URL_OF_A_VAULT = 'https://my-vault.vault.azure.net'

/** The SDK's own copy: who traces it registers an instrumenter there. */
const { useInstrumenter } = createRequire(import.meta.resolve('@azure/keyvault-secrets'))('@azure/core-tracing') as {
  readonly useInstrumenter: (instrumenter: object | undefined) => void
}

test('the SDK has what is left out of its pipeline under these names', () => {
  const client = new SecretClient(URL_OF_A_VAULT, { getToken: async () => null })
  const names = pipelineOf(client)
    ?.getOrderedPolicies()
    .map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining([...IDLE_POLICIES, 'proxyPolicy', 'tracingPolicy']))
})

test('the context of a request that nobody traces is of the SDK’s own class', async () => {
  const contexts: unknown[] = []
  const credential = { getToken: async () => null }
  const policy: NonNullable<NonNullable<ConstructorParameters<typeof SecretClient>[2]>['additionalPolicies']>[number]['policy'] = {
    name: 'look',
    sendRequest: async request => {
      contexts.push(request.tracingOptions?.tracingContext?.constructor.name)
      throw new Error('seen')
    },
  }
  const client = new SecretClient(URL_OF_A_VAULT, credential, { additionalPolicies: [{ policy, position: 'perCall' }] })
  await expect(client.getSecret('a')).rejects.toThrow('seen')
  expect(contexts).toEqual([UNTRACED])
})

test('an instrumenter that is registered after the first call sees the requests', async () => {
  await using closing = new AsyncDisposableStack()
  const vault = await startAzureEmulator()
  closing.defer(() => vault.stop())
  const driver = azureDriver(optionsAt(vault))
  closing.defer(() => driver.close())
  closing.defer(() => useInstrumenter(undefined))
  const path = 'traced' as NativePath
  const payload = { bytes: new TextEncoder().encode('v'), text: true }
  await driver.create({ path, payload, labels: {}, token: 't' }, call)

  const spans: string[] = []
  useInstrumenter(recording(spans))
  await driver.read({ path, version: undefined }, call)
  expect(spans).toEqual(['SecretClient.getSecret', 'HTTP GET'])
  useInstrumenter(undefined)
  await driver.read({ path, version: undefined }, call)
  expect(spans).toHaveLength(2)
})

function recording(spans: string[]): object {
  class Context {
    getValue(): undefined {}
    setValue(): this {
      return this
    }
    deleteValue(): this {
      return this
    }
  }
  const span = { end() {}, setStatus() {}, setAttribute() {}, recordException() {}, addEvent() {}, isRecording: () => true }
  return {
    startSpan(name: string) {
      spans.push(name)
      return { span, tracingContext: new Context() }
    },
    withContext: (_: unknown, act: (...given: readonly unknown[]) => unknown, ...given: readonly unknown[]) => act(...given),
    parseTraceparentHeader() {},
    createRequestHeaders: () => ({}),
  }
}
