import type { DriverCapabilities, SecretDriver } from '@strongroom/core'
import type { FaultyDriver } from './faulty-driver.ts'

let drivers = 0

function declaring(driver: SecretDriver, capabilities: Partial<DriverCapabilities>): SecretDriver {
  return { ...driver, capabilities: { ...driver.capabilities, ...capabilities } }
}

export const faultyDeclarations: readonly FaultyDriver[] = [
  {
    name: 'has credentials in its location',
    catches: 'location/has-no-credentials',
    mutate: driver => ({ ...driver, location: 'vault:https://user:password@vault.example/secret' }),
  },
  {
    name: 'has a token in its location',
    catches: 'location/has-no-credentials',
    mutate: driver => ({ ...driver, location: 'azure:https://vault.example/?access_token=abcdefgh' }),
  },
  {
    name: 'has a new location each time',
    catches: 'location/same-for-second',
    mutate: driver => {
      drivers += 1
      return { ...driver, location: `memory:driver-${drivers}` }
    },
  },
  {
    name: 'says that it has no token proof, by a word of its own',
    catches: 'capabilities/are-of-the-contract',
    mutate: driver => declaring(driver, { versionProof: 'hash' as DriverCapabilities['versionProof'] }),
  },
  {
    name: 'holds less than the portable floor',
    catches: 'capabilities/hold-the-portable-floor',
    mutate: driver => declaring(driver, { maxValueBytes: { text: 25_000, binary: 16_384 } }),
  },
  {
    name: 'declares a path length that it cannot keep',
    catches: 'names/longest-path-works',
    mutate: driver => ({
      ...declaring(driver, { maxPathLength: 600 }),
      create: (request, call) =>
        driver.create(request.path.length > 512 ? { ...request, path: request.path.slice(0, 512) as typeof request.path } : request, call),
    }),
  },
  {
    name: 'changes its capabilities as it goes',
    catches: 'capabilities/do-not-change',
    mutate: driver => {
      let calls = 0
      return {
        ...driver,
        get capabilities(): DriverCapabilities {
          return { ...driver.capabilities, maxBatch: calls > 0 ? 1 : driver.capabilities.maxBatch }
        },
        create: (request, call) => {
          calls += 1
          return driver.create(request, call)
        },
      }
    },
  },
  {
    name: 'declares on_append and keeps the old version current',
    catches: 'capabilities/newest-is-current-on-append',
    mutate: driver => ({
      ...declaring(driver, { current: 'on_append' }),
      append: (request, call) => driver.append({ ...request, staged: true }, call),
    }),
  },
  {
    name: 'declares on_promote and cannot stage',
    catches: 'append/staged-leaves-current-alone',
    capabilities: { current: 'on_append' },
    mutate: driver => declaring(driver, { current: 'on_promote' }),
  },
  {
    name: 'declares tokens and keeps none',
    catches: 'append/token-is-found-in-versions',
    capabilities: { versionProof: 'position' },
    mutate: driver => declaring(driver, { versionProof: 'token' }),
  },
  {
    name: 'declares compared appends and ignores `after`',
    catches: 'append/after-an-older-is-conflict',
    capabilities: { appendAfter: 'ignored' },
    mutate: driver => declaring(driver, { appendAfter: 'compared' }),
  },
  {
    name: 'cannot be closed twice',
    catches: 'close/twice',
    mutate: driver => {
      let closed = false
      return {
        ...driver,
        close: async () => {
          if (closed) throw new Error('closed already')
          closed = true
          await driver.close()
        },
      }
    },
  },
  {
    name: 'takes every other driver down with it',
    catches: 'close/does-not-break-another',
    mutate: (driver, _, wire) => ({
      ...driver,
      close: async () => {
        wire.throttled = 1_000
        await driver.close()
      },
    }),
  },
]
