import { awsDriver } from '@strongroom/aws'
import { azureDriver } from '@strongroom/azure'
import type { SecretDriver } from '@strongroom/core'
import type { Controls } from '@strongroom/emulators'
import { gcpDriver } from '@strongroom/gcp'
import { localDriver, localSecretStore } from '@strongroom/local'
import { vaultDriver } from '@strongroom/vault'
import { temporaryFolder } from '@strongroom/testbed'

type Labels = Readonly<Record<string, string>>

/** A backend, and what somebody does to it with the backend's own client. */
export interface Outsider {
  readonly driver: () => SecretDriver
  readonly create: (path: string, value: string, labels: Labels) => Promise<void>
  readonly put: (path: string, value: string) => Promise<void>
  readonly remove: (path: string) => Promise<void>
  readonly destroy: (path: string, version: string) => Promise<void>
  readonly relabel: ((path: string, labels: Labels) => Promise<void>) | undefined
  /** What a client reads that names no version; undefined when that is nothing. */
  readonly current: (path: string) => Promise<string | undefined>
  /** The controls of an emulator. */
  readonly controls: Controls | undefined
  /** Takes the driver's right to do this away, in the emulator's own names. */
  readonly forbid: ((operation: string) => void) | undefined
  readonly stop: () => Promise<void>
}

async function aws(): Promise<Outsider> {
  const { startAwsEmulator } = await import('@strongroom/emulators/aws')
  const sdk = await import('@aws-sdk/client-secrets-manager')
  const { url: endpoint, region, accountId, controls, stop } = await startAwsEmulator()
  const credentialsOf = (accessKeyId: string) => ({ accessKeyId, secretAccessKey: 'only-for-tests' })
  const client = new sdk.SecretsManagerClient({ endpoint, region, credentials: credentialsOf('outsider') })
  return {
    controls,
    driver: () => awsDriver({ endpoint, region, accountId, credentials: credentialsOf('registry') }),
    create: async (Name, SecretString, labels) => {
      const Tags = Object.entries(labels).map(([Key, Value]) => ({ Key, Value }))
      await client.send(new sdk.CreateSecretCommand({ Name, SecretString, Tags }))
    },
    put: async (SecretId, SecretString) => void (await client.send(new sdk.PutSecretValueCommand({ SecretId, SecretString }))),
    remove: async SecretId => void (await client.send(new sdk.DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }))),
    // AWS destroys nothing by itself: what is left is a version that no label names.
    destroy: async (SecretId, version) => {
      await client.send(new sdk.UpdateSecretVersionStageCommand({ SecretId, VersionStage: 'AWSPREVIOUS', RemoveFromVersionId: version }))
    },
    relabel: async (SecretId, labels) => {
      await client.send(new sdk.TagResourceCommand({ SecretId, Tags: Object.entries(labels).map(([Key, Value]) => ({ Key, Value })) }))
    },
    current: async SecretId => (await client.send(new sdk.GetSecretValueCommand({ SecretId }))).SecretString,
    forbid: operation => {
      controls.permit('outsider')
      controls.permit('registry', { operations: OPERATIONS.aws.filter(one => one !== operation) })
    },
    stop: async () => {
      client.destroy()
      await stop()
    },
  }
}

async function gcp(): Promise<Outsider> {
  const { startGcpEmulator } = await import('@strongroom/emulators/gcp')
  const emulator = await startGcpEmulator()
  const { projectId, controls } = emulator
  const endpoint = emulator.url
  const base = `${endpoint}/v1/projects/${projectId}/secrets`
  const ask = async (method: string, url: string, body?: object): Promise<Record<string, unknown> | undefined> => {
    const headers = { authorization: 'Bearer outsider', 'content-type': 'application/json', connection: 'close' }
    const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    if (answer.status === 404 || answer.status === 400) return undefined
    if (!answer.ok) throw new Error(`${method}: ${answer.status}`)
    return (await answer.json()) as Record<string, unknown>
  }
  const put = async (path: string, value: string): Promise<void> => {
    await ask('POST', `${base}/${path}:addVersion`, { payload: { data: Buffer.from(value).toString('base64') } })
  }
  return {
    controls,
    driver: () => {
      const authClient = { getRequestHeaders: async () => new Headers({ authorization: 'Bearer registry' }) }
      return gcpDriver({ projectId, endpoint, transport: 'rest', authClient })
    },
    create: async (path, value, labels) => {
      await ask('POST', `${base}?secretId=${path}`, { replication: { automatic: {} }, annotations: labels })
      await put(path, value)
    },
    put,
    remove: async path => void (await ask('DELETE', `${base}/${path}`)),
    destroy: async (path, version) => void (await ask('POST', `${base}/${path}/versions/${version}:destroy`, {})),
    relabel: async (path, annotations) => void (await ask('PATCH', `${base}/${path}?updateMask=annotations`, { annotations })),
    current: async path => {
      const { payload } = ((await ask('GET', `${base}/${path}/versions/latest:access`)) ?? {}) as { readonly payload?: { readonly data: string } }
      return payload === undefined ? undefined : Buffer.from(payload.data, 'base64').toString()
    },
    forbid: operation => {
      controls.permit('outsider')
      controls.permit('registry', { operations: OPERATIONS.gcp.filter(one => one !== operation) })
    },
    stop: () => emulator.stop(),
  }
}

async function azure(): Promise<Outsider> {
  const { startAzureEmulator } = await import('@strongroom/emulators/azure')
  const { SecretClient } = await import('@azure/keyvault-secrets')
  const emulator = await startAzureEmulator()
  const { vaultUrl, ca, controls } = emulator
  const tokens = new Map(['outsider', 'registry'].map(name => [name, emulator.issueToken(name, { expiresInMs: 100 * 8_760 * 3_600_000 })]))
  const credentialOf = (name: string) => ({ getToken: async () => ({ token: tokens.get(name) ?? '', expiresOnTimestamp: Date.now() + 3_600_000 }) })
  const options = { serviceVersion: '7.6', disableChallengeResourceVerification: true, tlsOptions: { ca } } as const
  const client = new SecretClient(vaultUrl, credentialOf('outsider'), options)
  return {
    controls,
    driver: () => azureDriver({ vaultUrl, credential: credentialOf('registry'), tls: { ca }, disableChallengeResourceVerification: true }),
    create: async (path, value, labels) => void (await client.setSecret(path, value, { tags: { ...labels } })),
    put: async (path, value) => void (await client.setSecret(path, value)),
    remove: async path => {
      await (await client.beginDeleteSecret(path, { intervalInMs: 10 })).pollUntilDone()
      await client.purgeDeletedSecret(path)
    },
    destroy: async (path, version) => void (await client.updateSecretProperties(path, version, { enabled: false })),
    relabel: async (path, labels) => {
      const { properties } = await client.getSecret(path)
      await client.updateSecretProperties(path, properties.version ?? '', { tags: { ...properties.tags, ...labels } })
    },
    current: async path =>
      await client.getSecret(path).then(
        ({ value }) => value,
        () => undefined,
      ),
    forbid: operation => {
      controls.permit(tokens.get('outsider') ?? '')
      controls.permit(tokens.get('registry') ?? '', { operations: OPERATIONS.azure.filter(one => one !== operation) })
    },
    stop: () => emulator.stop(),
  }
}

async function vault(): Promise<Outsider> {
  const { startVaultEmulator } = await import('@strongroom/emulators/vault')
  const emulator = await startVaultEmulator()
  const { url, rootToken, controls } = emulator
  const ask = async (method: string, path: string, json?: object): Promise<Record<string, unknown> | undefined> => {
    const headers = { 'x-vault-token': rootToken, connection: 'close' }
    const answer = await fetch(`${url}/v1/secret/${path}`, { method, headers, ...(json === undefined ? {} : { body: JSON.stringify(json) }) })
    const text = await answer.text()
    if (answer.status === 404) return undefined
    if (!answer.ok) throw new Error(`${method}: ${answer.status}`)
    return text === '' ? {} : ((JSON.parse(text) as { readonly data: Record<string, unknown> }).data ?? {})
  }
  const put = async (path: string, value: string): Promise<void> => void (await ask('POST', `data/${path}`, { data: { value } }))
  return {
    controls,
    driver: () => vaultDriver({ address: url, auth: { method: 'token', token: rootToken } }),
    create: async (path, value, labels) => {
      await put(path, value)
      await ask('POST', `metadata/${path}`, { custom_metadata: labels })
    },
    put,
    remove: async path => void (await ask('DELETE', `metadata/${path}`)),
    destroy: async (path, version) => void (await ask('POST', `destroy/${path}`, { versions: [Number(version)] })),
    relabel: async (path, labels) => void (await ask('POST', `metadata/${path}`, { custom_metadata: labels })),
    current: async path => ((await ask('GET', `data/${path}`))?.['data'] as { readonly value?: string } | undefined)?.value,
    forbid: undefined,
    stop: () => emulator.stop(),
  }
}

/** The encrypted store in a folder, opened a second time by somebody else. */
async function local(): Promise<Outsider> {
  const { path: folder, remove } = await temporaryFolder()
  const store = localSecretStore({ path: folder }, { naming: 'native' })
  return {
    controls: undefined,
    driver: () => localDriver({ path: folder }),
    create: async (path, value, labels) => void (await store.put(path, value, { labels, ifAbsent: true })),
    put: async (path, value) => void (await store.put(path, value)),
    remove: async path => void (await store.delete(path, { purge: true })),
    destroy: (path, version) => store.destroyVersion(path, version as never),
    relabel: undefined,
    current: async path =>
      await store.get(path).then(
        ({ value }) => value.revealText(),
        () => undefined,
      ),
    forbid: undefined,
    stop: async () => {
      await store.close()
      remove()
    },
  }
}

const OPERATIONS = {
  aws: ['CreateSecret', 'PutSecretValue', 'UpdateSecretVersionStage', 'DescribeSecret', 'ListSecretVersionIds', 'ListSecrets', 'GetSecretValue'],
  gcp: ['CreateSecret', 'AddSecretVersion', 'GetSecretVersion', 'ListSecretVersions', 'ListSecrets', 'AccessSecretVersion', 'GetSecret'],
  azure: ['SetSecret', 'GetSecretVersions', 'GetSecrets', 'GetSecret'],
} as const

export type OutsiderName = 'aws' | 'gcp' | 'azure' | 'vault' | 'local'
export const outsiders: Readonly<Record<OutsiderName, () => Promise<Outsider>>> = { aws, gcp, azure, vault, local }
