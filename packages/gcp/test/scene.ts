import { randomUUID } from 'node:crypto'
import type { DriverCall, Failure, NativePath, Payload, SecretDriver, VersionId } from '@strongroom/core'
import { startGcpEmulator, type Controls, type GcpEmulator, type GcpEmulatorOptions } from '@strongroom/emulators/gcp'
import { gcpDriver, type GcpOptions } from '../src/index.ts'

/** The emulator and the short forms of what the tests do with it: these tests need its clock, its lag and its faults. */
export interface Scene {
  readonly emulator: GcpEmulator
  readonly controls: Controls
  readonly open: (options?: Partial<GcpOptions>) => SecretDriver
  /** A path that no other test has. */
  readonly path: () => NativePath
  /** The operations that the emulator has seen while this was done. */
  readonly during: (act: () => Promise<unknown>) => Promise<readonly string[]>
  readonly stop: () => Promise<void>
}

export async function startScene(options?: GcpEmulatorOptions): Promise<Scene> {
  const emulator = await startGcpEmulator(options)
  const { controls, projectId, grpcPort, url } = emulator
  const opened: SecretDriver[] = []
  return {
    emulator,
    controls,
    open: (options = {}) => {
      const endpoint = options.transport === 'rest' ? url : `http://127.0.0.1:${grpcPort}`
      const driver = gcpDriver({ projectId, endpoint, ...options })
      opened.push(driver)
      return driver
    },
    path: () => `test-${randomUUID()}` as NativePath,
    during: async act => {
      const from = controls.journal.length
      await act()
      return controls.journal.slice(from).map(({ operation }) => operation)
    },
    stop: async () => {
      await Promise.all(opened.map(driver => driver.close()))
      await emulator.stop()
    },
  }
}

export function call(signal: AbortSignal = new AbortController().signal): DriverCall {
  return { signal, attempt: 1 }
}

export function text(value: string): Payload {
  return { bytes: new TextEncoder().encode(value), text: true }
}

export async function create(driver: SecretDriver, path: NativePath, value: string, token: string = randomUUID()): Promise<VersionId> {
  return (await driver.create({ path, payload: text(value), labels: { owner: value.slice(0, 20) }, token }, call())).version
}

export async function append(driver: SecretDriver, path: NativePath, value: string, staged = false): Promise<VersionId> {
  return (await driver.append({ path, payload: text(value), token: randomUUID(), after: undefined, staged }, call())).version
}

export async function read(driver: SecretDriver, path: NativePath, version?: VersionId): Promise<string> {
  return new TextDecoder().decode((await driver.read({ path, version }, call())).payload.bytes)
}

export async function versions(driver: SecretDriver, path: NativePath): Promise<readonly string[]> {
  return (await driver.versions({ path, after: undefined, page: undefined }, call())).items.map(
    ({ version, state, current }) => `${version} ${state}${current ? ' current' : ''}`,
  )
}

/** What it fails with, as `code effect`. */
export async function failure(driver: SecretDriver, work: Promise<unknown>): Promise<string> {
  const { code, effect } = await failureOf(driver, work)
  return `${code} ${effect}`
}

export async function failureOf(driver: SecretDriver, work: Promise<unknown>): Promise<Failure> {
  try {
    await work
  } catch (error) {
    return driver.classify(error)
  }
  throw new Error('it did not fail')
}
