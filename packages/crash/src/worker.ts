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
import { die } from './failpoints.ts'
import type { Attempt } from './invariants.ts'
import { ACCOUNT, STORE, type Wish, type Work } from './messages.ts'

const account = accountId(ACCOUNT)

/** Does what it is told, and says what came of it; dies instead of its `diesAt`th call of driver or database. */
export type Worker = (wish: Wish, diesAt: number | undefined) => Promise<Attempt['told']>

/** A child of the soak. */
export async function openWorker({ database, place, registry: id, times }: Work, driver: SecretDriver): Promise<Worker> {
  let left = Number.POSITIVE_INFINITY
  const mortal = <Part extends object>(part: Part): Part =>
    new Proxy(part, {
      get(source, name) {
        const value: unknown = Reflect.get(source, name)
        if (typeof value !== 'function' || name === 'classify' || name === 'close') return value
        return (...parameters: unknown[]): unknown => {
          left -= 1
          return left < 0 ? die() : Reflect.apply(value, source, parameters)
        }
      },
    })
  const metadata = mortal(databaseOf(database).open(place))
  const shared = { id, metadata, authorize: unsafeAllowEveryone }
  const registry = await createSecretRegistry({ ...shared, stores: { [STORE]: mortal(driver) }, writeTo: STORE, policy: times })
  return async (wish, diesAt = Number.POSITIVE_INFINITY) => {
    left = diesAt
    const told = await perform(wish, registry, metadata, id)
    left = Number.POSITIVE_INFINITY
    return told
  }
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
      else if (action === 'secret.rollback') {
        const before = row.versions[1]?.version
        if (before === undefined) return 'nothing happened'
        await secrets.rollback(row.id, before, { ifRevision: row.revision })
      } else await secrets.update(row.id, { value, description })
    }
    return 'done'
  } catch (error) {
    return isSecretError(error) && error.effect === 'none' ? 'nothing happened' : 'not certain'
  }
}
