import { describeDriver } from '@strongroom/conformance/vitest'
import { hookNames, type DriverHarness, type Faults, type OutOfBand } from '@strongroom/conformance'
import type { SecretDriver } from '@strongroom/core'
import { startFaultProxy, wireFaults, type Fault, type InjectOptions } from '@strongroom/emulators'
import { startVaultEmulator, type VaultEmulator } from '@strongroom/emulators/vault'
import { freePort, howOpenBaoRuns } from '@strongroom/testbed'
import { afterAll, beforeAll, describe } from 'vitest'
import { vaultDriver } from '../src/index.ts'
import { missing, proxied, startVault, suite, type Vault } from './vault.ts'

const where = process.env['VAULT_ADDR'] ? 'the server of VAULT_ADDR' : await howOpenBaoRuns()

describe.skipIf(missing !== undefined)(suite('KV version 2'), () => {
  let vault: Vault
  let mount: string
  let nobody: string
  let manager: string
  const driverAt = (address: string, token: string = vault.token): SecretDriver => vaultDriver({ address, mount, auth: { method: 'token', token } })

  beforeAll(async () => {
    vault = await startVault()
    mount = await vault.mount()
    nobody = await vault.tokenFor({ 'somewhere/else': ['read'] })
    // What a registry needs: no `read` on `data`.
    manager = await vault.tokenFor({
      [`${mount}/data/*`]: ['create', 'update'],
      [`${mount}/metadata/*`]: ['create', 'read', 'update', 'delete', 'list'],
      [`${mount}/destroy/*`]: ['update'],
    })
  })
  afterAll(() => vault?.stop())

  const start = async (): Promise<DriverHarness> => {
    const proxy = await startFaultProxy(vault.url, proxied)
    const drivers = {
      driver: driverAt(proxy.url),
      second: driverAt(proxy.url),
      denied: driverAt(proxy.url, nobody),
      manageOnly: driverAt(proxy.url, manager),
      unreachable: driverAt(`http://127.0.0.1:${await freePort()}`),
    }
    return {
      ...drivers,
      outOfBand: outOfBand(vault.url, vault.token, mount),
      faults: faultsOf(proxy, proxy.requests, '500'),
      dispose: async () => {
        await Promise.all(Object.values(drivers).map(one => one.close()))
        await proxy.stop()
      },
    }
  }

  describeDriver('vault', start, { require: hookNames, where })
})

describe('KV version 2, of our emulator', () => {
  let emulator: VaultEmulator
  beforeAll(async () => {
    // It answers whole folders, as HashiCorp's does; the real one above answers pages.
    emulator = await startVaultEmulator({ flavour: 'vault' })
  })
  afterAll(() => emulator?.stop())

  const start = async (): Promise<DriverHarness> => {
    const { url, mount, rootToken, controls } = emulator
    const nobody = emulator.createToken({ operations: [] })
    const manager = emulator.createToken({
      operations: ['WriteData', 'ReadMetadata', 'WriteMetadata', 'ListMetadata', 'DeleteMetadata', 'DestroyVersions'],
    })
    const driverAt = (token: string, address: string = url): SecretDriver => vaultDriver({ address, mount, auth: { method: 'token', token } })
    const drivers = {
      driver: driverAt(rootToken),
      second: driverAt(rootToken),
      denied: driverAt(nobody),
      manageOnly: driverAt(manager),
      unreachable: driverAt(rootToken, `http://127.0.0.1:${await freePort()}`),
    }
    return {
      ...drivers,
      outOfBand: outOfBand(url, rootToken, mount),
      faults: faultsOf(controls, () => controls.requests, 'internal'),
      dispose: async () => {
        controls.clearFaults()
        await Promise.all(Object.values(drivers).map(one => one.close()))
      },
    }
  }

  describeDriver('vault-emulator', start, { require: hookNames, where: 'our emulator, as HashiCorp Vault' })
})

interface Injectable {
  inject(fault: Fault, options?: InjectOptions): void
  clearFaults(): void
}

function faultsOf(faulty: Injectable, requests: () => number, internalError: string): Faults {
  const faults = wireFaults(internalError, 1)
  return {
    loseNextResponse: async () => faulty.inject({ kind: 'lose' }),
    throttleNext: async (count, retryAfterMs) => faulty.inject({ kind: 'throttle', retryAfterMs }, { count }),
    requests: async () => requests(),
    stallNext: async () => faulty.inject({ kind: 'stall' }),
    wire: async (fault, count, after) => (count === 0 ? faulty.clearFaults() : faulty.inject(faults[fault], { count, after })),
  }
}

/** Around the adapter, by plain HTTP. */
function outOfBand(url: string, token: string, mount: string): OutOfBand {
  const at = (path: string): string => `${url}/v1/${mount}/data/${path}`
  const headers = { 'X-Vault-Token': token }
  return {
    read: async path => {
      const answer = await fetch(at(path), { headers })
      const { data } = (await answer.json()) as { readonly data?: { readonly data?: { readonly value: string; readonly encoding?: string } | null } }
      if (answer.status === 404 || !data?.data) return undefined
      return new Uint8Array(Buffer.from(data.data.value, data.data.encoding === undefined ? 'utf8' : 'base64'))
    },
    write: async (path, bytes) => {
      const body = JSON.stringify({ data: { value: new TextDecoder().decode(bytes) } })
      const answer = await fetch(at(path), { method: 'POST', headers, body })
      if (!answer.ok) throw new Error(`the outsider's write: ${answer.status}`)
      await answer.body?.cancel()
    },
  }
}
