import { beforeEach, expect, test, vi } from 'vitest'
import { azureDriver, type AzureCredential } from '../src/index.ts'
import { call, codeOf, VAULT } from './fake-client.ts'

const made: unknown[][] = vi.hoisted(() => [])

vi.mock('@azure/identity', () => {
  const recorder = (name: string): unknown =>
    class {
      constructor(...given: unknown[]) {
        made.push([name, ...given])
        if (given[0] === 'refused') throw new Error('a message of the SDK')
      }
      async getToken(): Promise<null> {
        return null
      }
    }
  const names = ['ManagedIdentity', 'WorkloadIdentity', 'ClientSecret', 'ClientCertificate', 'AzureCli', 'DefaultAzure']
  return Object.fromEntries(names.map(name => [`${name}Credential`, recorder(name)]))
})

beforeEach(() => void (made.length = 0))

const list = (credential: AzureCredential): Promise<[string, string]> => {
  // The port of nobody: what is looked at is done before anything is sent.
  const driver = azureDriver({ vaultUrl: 'https://127.0.0.1:1', credential })
  return codeOf(driver, driver.list({ prefix: '', withLabels: false, page: undefined }, call))
}

test.each<[AzureCredential, readonly unknown[]]>([
  [{ kind: 'managed_identity' }, ['ManagedIdentity', {}]],
  [{ kind: 'managed_identity', clientId: 'c' }, ['ManagedIdentity', { clientId: 'c' }]],
  [{ kind: 'workload_identity', clientId: 'c' }, ['WorkloadIdentity', { clientId: 'c' }]],
  [{ kind: 'client_secret', tenantId: 't', clientId: 'c', clientSecret: 's' }, ['ClientSecret', 't', 'c', 's']],
  [{ kind: 'client_certificate', tenantId: 't', clientId: 'c', certificatePath: '/p' }, ['ClientCertificate', 't', 'c', '/p']],
  [{ kind: 'azure_cli', tenantId: 't' }, ['AzureCli', { tenantId: 't' }]],
  [{ kind: 'azure_cli' }, ['AzureCli', {}]],
  [{ kind: 'default' }, ['DefaultAzure']],
])('%j makes one credential, of the narrowest class', async (credential, expected) => {
  expect(await list(credential)).toEqual(['unavailable', 'none'])
  expect(made).toEqual([expected])
})

test('what the SDK refuses is misconfigured, and tried again by the next call', async () => {
  const driver = azureDriver({ vaultUrl: VAULT, credential: { kind: 'client_secret', tenantId: 'refused', clientId: 'c', clientSecret: 's' } })
  for (let round = 0; round < 2; round += 1) {
    const work = driver.list({ prefix: '', withLabels: false, page: undefined }, call)
    expect(await codeOf(driver, work)).toEqual(['misconfigured', 'none'])
  }
  expect(made).toHaveLength(2)
})
