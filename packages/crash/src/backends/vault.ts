import { missingProgram, openBaoBinary, ROOT_TOKEN, startOpenBao } from '@strongroom/testbed'
import { vaultDriver, type VaultOptions } from '@strongroom/vault'
import { looks, wireOf, writes, type Backend, type Found, type FoundVersion, type Running } from './backend.ts'
import { proxied } from './proxied.ts'

const VAULT: Pick<Backend, 'requests' | 'reads' | 'promotes' | 'proves' | 'detaches' | 'driver'> = {
  requests: {
    create: writes('WriteData', 'WriteMetadata'),
    append: [...looks('ReadMetadata'), ...writes('WriteData')],
    versions: looks('ReadMetadata'),
    remove: writes('DeleteMetadata'),
    destroyVersion: writes('DestroyVersions'),
  },
  reads: looks('ReadData'),
  promotes: false,
  proves: false,
  detaches: false,
  driver: config => vaultDriver(config as VaultOptions),
}

/** Our emulator. */
export const vault: Backend = {
  ...VAULT,
  name: 'vault',
  start: async () => {
    const { startVaultEmulator } = await import('@strongroom/emulators/vault')
    const emulator = await startVaultEmulator()
    const { url, rootToken, controls } = emulator
    return { ...outside(url, rootToken), wire: wireOf(controls), advance: ms => controls.clock.advance(ms), stop: () => emulator.stop() }
  },
}

/** The real server, behind a proxy that breaks the wire. */
export const openbao: Backend = {
  ...VAULT,
  name: 'openbao',
  missing: () => missingProgram(openBaoBinary, 'OpenBao'),
  start: async () => {
    const server = await startOpenBao()
    const { url, wire, stop: stopProxy } = await proxied(server.url, request => operationOf(`${request.method} ${request.url}`))
    return {
      ...outside(server.url, ROOT_TOKEN),
      config: configOf(url, ROOT_TOKEN),
      wire,
      advance: () => {},
      stop: async () => {
        await stopProxy()
        await server.stop()
      },
    }
  },
}

/** As our emulator's journal names them. */
const OPERATIONS: readonly (readonly [RegExp, string])[] = [
  [/^GET .*\/data\//, 'ReadData'],
  [/^POST .*\/data\//, 'WriteData'],
  [/^GET .*\/metadata\/.*[?&]list=true/, 'ListMetadata'],
  [/^GET .*\/metadata\//, 'ReadMetadata'],
  [/^POST .*\/metadata\//, 'WriteMetadata'],
  [/^DELETE .*\/metadata\//, 'DeleteMetadata'],
  [/^POST .*\/destroy\//, 'DestroyVersions'],
]

function operationOf(request: string): string {
  return OPERATIONS.find(([pattern]) => pattern.test(request))?.[1] ?? request
}

function configOf(address: string, token: string): VaultOptions {
  return { address, auth: { method: 'token', token } }
}

interface Data {
  readonly value?: string
  readonly encoding?: string
}

/** Plain HTTP, as anybody would. */
function outside(url: string, token: string): Pick<Running, 'config' | 'look' | 'plant'> {
  const ask = async (method: string, path: string, json?: object): Promise<Record<string, unknown> | undefined> => {
    const body = json === undefined ? {} : { body: JSON.stringify(json) }
    // A connection of its own: one that has been idle may be closed by the server in the moment in which it is used again.
    const headers = { 'x-vault-token': token, connection: 'close' }
    const answer = await fetch(`${url}/v1/secret/${path}`, { method, headers, ...body })
    const text = await answer.text()
    if (answer.status === 404) return undefined
    if (!answer.ok) throw new Error(`${method}: ${answer.status}`)
    return text === '' ? {} : ((JSON.parse(text) as { readonly data: Record<string, unknown> }).data ?? {})
  }
  const versionOf = async (path: string, version: string, destroyed: boolean, current: boolean): Promise<FoundVersion> => {
    const read = destroyed ? undefined : ((await ask('GET', `data/${path}?version=${version}`))?.['data'] as Data | undefined)
    const value = read?.encoding === 'base64' ? Buffer.from(read.value ?? '', 'base64') : read?.value
    return { version, served: !destroyed, current, value }
  }
  return {
    config: configOf(url, token),
    look: async prefix => {
      const { keys = [] } = ((await ask('GET', 'metadata/?list=true')) ?? {}) as { readonly keys?: readonly string[] }
      const found = keys
        .filter(key => key.startsWith(prefix))
        .map(async (path): Promise<Found> => {
          const metadata = (await ask('GET', `metadata/${path}`)) as { readonly current_version: number; readonly versions: object } | undefined
          const versions = Object.entries((metadata?.versions ?? {}) as Readonly<Record<string, { readonly destroyed: boolean }>>)
          const read = versions.map(([id, { destroyed }]) => versionOf(path, id, destroyed, Number(id) === metadata?.current_version))
          return { path, deleted: false, versions: await Promise.all(read) }
        })
      return await Promise.all(found)
    },
    plant: async (path, value) => void (await ask('POST', `data/${path}`, { data: { value } })),
  }
}
