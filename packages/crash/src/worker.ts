import {
  accountId,
  createSecretRegistry,
  isSecretError,
  unsafeAllowEveryone,
  type MetadataStore,
  type SecretDriver,
  type SecretRegistry,
} from '@strongroom/core'
import { databaseOf } from './databases/index.ts'
import type { Attempt } from './invariants.ts'
import { ACCOUNT, STORE, type Wish, type Work } from './messages.ts'

const account = accountId(ACCOUNT)

/** A child of the soak: does what it is told, and says what came of it. */
export async function openWorker(
  { database, place, registry: id, times }: Work,
  driver: SecretDriver,
): Promise<(wish: Wish) => Promise<Attempt['told']>> {
  const metadata = databaseOf(database).open(place)
  const shared = { id, metadata, authorize: unsafeAllowEveryone }
  const registry = await createSecretRegistry({ ...shared, stores: { [STORE]: driver }, writeTo: STORE, policy: times })
  return wish => perform(wish, registry, metadata, id)
}

/** One write by one actor, and what its caller is told. */
export async function perform(wish: Wish, registry: SecretRegistry, metadata: MetadataStore, id: string): Promise<Attempt['told']> {
  const { actor, action, key, value, description } = wish
  const secrets = registry.account(account, { id: actor, type: 'service_account' })
  try {
    if (action === 'secret.create') await secrets.create({ key, value: value ?? '', description })
    else {
      const row = await metadata.find({ registry: id, account, key }, {})
      if (row === undefined) return 'nothing happened'
      if (action === 'secret.delete') await secrets.delete(row.id)
      else await secrets.update(row.id, { value, description })
    }
    return 'done'
  } catch (error) {
    return isSecretError(error) && error.effect === 'none' ? 'nothing happened' : 'not certain'
  }
}
