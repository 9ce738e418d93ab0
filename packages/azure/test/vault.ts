import { setTimeout as delay } from 'node:timers/promises'
import { SecretClient } from '@azure/keyvault-secrets'
import type { DriverHarness, OutOfBand, StartContext } from '@strongroom/conformance'
import { wireFaults } from '@strongroom/emulators'
import { startAzureEmulator, type AzureEmulator, type AzureEmulatorOptions } from '@strongroom/emulators/azure'
import { azureDriver, type AzureOptions, type AzureTokenCredential } from '../src/index.ts'
import { direct } from './no-proxy.ts'

/** A vault of the user's own: then the suite runs there, with the default credential. */
export const given: string | undefined = process.env['STRONGROOM_AZURE_VAULT_URL']

if (given === undefined) process.env = direct

/** What a registry needs, as the journal calls it: all but to read. */
const MANAGING = [
  'SetSecret',
  'UpdateSecret',
  'DeleteSecret',
  'PurgeDeletedSecret',
  'RecoverDeletedSecret',
  'GetSecrets',
  'GetSecretVersions',
  'GetDeletedSecrets',
]

export const PRINCIPALS = { owner: 'owner', nobody: 'nobody', manager: 'manager' } as const

const WIRE = wireFaults('InternalServerError', 1)
const HOUR = 3_600_000
const YEAR = 8_760 * HOUR

/** Tokens of the emulator for one principal, good for an hour to the SDK, and by the emulator's clock for so long. */
export function credentialAt(vault: AzureEmulator, principal: string = PRINCIPALS.owner, expiresInMs: number = YEAR): AzureTokenCredential {
  return { getToken: async () => ({ token: vault.issueToken(principal, { expiresInMs }), expiresOnTimestamp: Date.now() + HOUR }) }
}

export function optionsAt(vault: AzureEmulator, principal?: string): AzureOptions {
  const { vaultUrl, ca } = vault
  return { vaultUrl, credential: credentialAt(vault, principal), tls: { ca }, disableChallengeResourceVerification: true }
}

/** The official client, beside the adapter. */
export function officialClient(vault: AzureEmulator): SecretClient {
  return new SecretClient(vault.vaultUrl, credentialAt(vault) as ConstructorParameters<typeof SecretClient>[1], {
    serviceVersion: '7.6',
    disableChallengeResourceVerification: true,
    tlsOptions: { ca: vault.ca },
    retryOptions: { maxRetries: 0 },
  })
}

/** The requests of an emulator since the last look, by their names; the empty probe of each new client is left out. */
export function asked(vault: AzureEmulator): readonly string[] {
  const names = vault.controls.journal.filter(({ answered }) => answered !== 401).map(({ operation }) => operation)
  vault.controls.journal.length = 0
  return names
}

const TICK_MS = 0.001

/** A time that is over after so many requests, by the clock of a vault for the kit. */
export const requestsLater = (requests: number): number => requests * TICK_MS

/**
 * The clock of an emulator goes on with its requests alone, and stays within one second: so what the kit counts is the same each time,
 * however busy the machine is.
 */
function tickWithRequests({ clock, journal }: AzureEmulator['controls']): void {
  const start = Date.now()
  clock.now = () => start - (start % 1_000) + requestsLater(journal.length)
}

/** A vault for the kit: one that is the run's own, in this process. */
export async function emulatedHarness(options: AzureEmulatorOptions = {}, arrange?: (vault: AzureEmulator) => void): Promise<DriverHarness> {
  const vault = await startAzureEmulator(options)
  arrange?.(vault)
  const { controls } = vault
  tickWithRequests(controls)
  controls.permit(PRINCIPALS.owner)
  controls.permit(PRINCIPALS.nobody, { operations: [] })
  controls.permit(PRINCIPALS.manager, { operations: MANAGING })
  const driverOf = (principal: string): ReturnType<typeof azureDriver> => azureDriver(optionsAt(vault, principal))
  const drivers = {
    driver: driverOf(PRINCIPALS.owner),
    second: driverOf(PRINCIPALS.owner),
    denied: driverOf(PRINCIPALS.nobody),
    manageOnly: driverOf(PRINCIPALS.manager),
    unreachable: azureDriver({ ...optionsAt(vault), vaultUrl: 'https://127.0.0.1:1' }),
  }
  // The empty probe of a client's first call would meet a fault in place of the call.
  await drivers.driver.list({ prefix: 'nothing', withLabels: false, page: undefined }, { signal: new AbortController().signal, attempt: 1 })
  return {
    ...drivers,
    outOfBand: outOfBand(officialClient(vault)),
    faults: {
      loseNextResponse: async () => controls.inject({ kind: 'lose' }),
      throttleNext: async (count, retryAfterMs) => controls.inject({ kind: 'throttle', retryAfterMs }, { count }),
      requests: async () => controls.requests,
      stallNext: async () => controls.inject({ kind: 'stall' }),
      wire: async (fault, count, after) => (count === 0 ? controls.clearFaults() : controls.inject(WIRE[fault], { count, after })),
    },
    dispose: async () => {
      await Promise.all(Object.values(drivers).map(driver => driver.close()))
      await vault.stop()
    },
  }
}

/** The vault of the environment, as the default credential. What the run made and could only delete, is purged in the end. */
export async function givenHarness(vaultUrl: string, { prefix }: StartContext): Promise<DriverHarness> {
  const { DefaultAzureCredential } = await import('@azure/identity')
  const open = (): ReturnType<typeof azureDriver> => azureDriver({ vaultUrl, credential: { kind: 'default' } })
  const client = new SecretClient(vaultUrl, new DefaultAzureCredential(), { serviceVersion: '7.6' })
  const [driver, second] = [open(), open()]
  const unreachable = azureDriver({ vaultUrl: 'https://127.0.0.1:1', credential: { kind: 'default' } })
  return {
    driver,
    second,
    unreachable,
    outOfBand: outOfBand(client),
    dispose: async () => {
      // What is still being deleted is not listed yet, so that one empty list says nothing.
      for (let round = 0, empty = 0; round < 15 && empty < 3; round += 1) {
        let found = false
        for await (const { name } of client.listDeletedSecrets()) {
          if (!name.startsWith(prefix)) continue
          found = true
          await client.purgeDeletedSecret(name).catch(() => {})
        }
        empty = found ? 0 : empty + 1
        await delay(2_000)
      }
      await Promise.all([driver.close(), second.close(), unreachable.close()])
    },
  }
}

function outOfBand(client: SecretClient): OutOfBand {
  return {
    read: async path => {
      try {
        const { value = '', properties } = await client.getSecret(path)
        return properties.contentType?.includes('base64') === true ? new Uint8Array(Buffer.from(value, 'base64')) : new TextEncoder().encode(value)
      } catch (error) {
        if ((error as { readonly statusCode?: unknown }).statusCode === 404) return undefined
        throw error
      }
    },
    write: async (path, bytes) => void (await client.setSecret(path, new TextDecoder().decode(bytes))),
  }
}
