import { startAwsEmulator, type AwsEmulator, type AwsEmulatorOptions } from '@strongroom/emulators/aws'
import { isSecretError, type SecretError, type SecretStore, type StorePolicy } from '@strongroom/core'
import { afterEach } from 'vitest'
import { awsSecretStore, type AwsOptions } from '../src/index.ts'

const open: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

/** An emulator for one test. */
export async function startEmulator(options: AwsEmulatorOptions = {}): Promise<AwsEmulator> {
  const emulator = await startAwsEmulator(options)
  open.push(() => emulator.stop())
  return emulator
}

/** A store on an emulator, asked as `someone` without retries. */
export function storeOn({ url, region, accountId }: AwsEmulator, policy: StorePolicy = {}, more: Partial<AwsOptions> = {}): SecretStore {
  const credentials = { accessKeyId: 'someone', secretAccessKey: 'only-for-tests' }
  const store = awsSecretStore({ region, accountId, endpoint: url, credentials, ...more }, { attempts: 1, ...policy })
  open.push(() => store.close())
  return store
}

/** What a call fails with. */
export async function errorOf(work: Promise<unknown>): Promise<SecretError> {
  const error: unknown = await work.then(
    () => new Error('it was taken'),
    (thrown: unknown) => thrown,
  )
  if (isSecretError(error)) return error
  throw error
}
