import { describeDriver } from '@strongroom/conformance/vitest'
import { hookNames, type DriverHarness, type Faults, type OutOfBand } from '@strongroom/conformance'
import type { SecretDriver } from '@strongroom/core'
import { startFaultProxy, wireFaults, type FaultProxy } from '@strongroom/emulators'
import { freePort, howOpenBaoRuns } from '@strongroom/testbed'
import { afterAll, beforeAll, describe } from 'vitest'
import { vaultDriver } from '../src/index.ts'
import { EFFECTIVE, missing, proxied, startVault, suite, type Vault } from './vault.ts'

const WIRE = wireFaults('500', 1)

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
      outOfBand: outOfBand(vault, mount),
      faults: faultsOf(proxy),
      dispose: async () => {
        await Promise.all(Object.values(drivers).map(one => one.close()))
        await proxy.stop()
      },
    }
  }

  describeDriver('vault', start, { require: hookNames, where })
})

function faultsOf(proxy: FaultProxy): Faults {
  return {
    loseNextResponse: async () => proxy.inject({ kind: 'lose' }, { operations: EFFECTIVE }),
    throttleNext: async (count, retryAfterMs) => proxy.inject({ kind: 'throttle', retryAfterMs }, { count }),
    requests: async () => proxy.requests(),
    stallNext: async () => proxy.inject({ kind: 'stall' }),
    wire: async (fault, count) => (count === 0 ? proxy.clearFaults() : proxy.inject(WIRE[fault], { count })),
  }
}

function outOfBand(vault: Vault, mount: string): OutOfBand {
  return {
    read: async path => {
      const { status, body } = await vault.ask('GET', `${mount}/data/${path}`)
      if (status === 404) return undefined
      const { value, encoding } = (body.data as { readonly data: { readonly value: string; readonly encoding?: string } }).data
      return new Uint8Array(Buffer.from(value, encoding === undefined ? 'utf8' : 'base64'))
    },
    write: async (path, bytes) => {
      await vault.admin('POST', `${mount}/data/${path}`, { data: { value: new TextDecoder().decode(bytes) } })
    },
  }
}
