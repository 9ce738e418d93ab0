import {
  accountId,
  createSecretMigrator,
  createSecretRegistry,
  isSecretError,
  unsafeAllowEveryone,
  type MetadataStore,
  type SecretDriver,
  type SecretMigrator,
  type SecretRegistry,
} from '@strongroom/core'
import { changed } from '@strongroom/testbed'
import { databaseOf } from './databases/index.ts'
import { die } from './failpoints.ts'
import type { Attempt } from './invariants.ts'
import { ACCOUNT, OTHER, STORE, type Move, type ToParent, type Wish, type Work } from './messages.ts'

const account = accountId(ACCOUNT)
/** A migration that meets others waits for their leases to end. */
const MOST_MOVING_MS = 4_000
/** What no trouble on the way explains. */
const WRONG: ReadonlySet<string> = new Set(['corrupt', 'invalid_argument', 'misconfigured', 'permission_denied', 'version_unusable'])

/** Does what it is told, and says what came of it; dies instead of its `diesAt`th call of driver or database. */
export interface Worker {
  readonly attempt: (wish: Wish, diesAt: number | undefined) => Promise<Attempt['told']>
  /** Answers what is wrong, if anything is. */
  readonly move: (move: Move, diesAt: number | undefined) => Promise<string | undefined>
  /** One pass of upkeep. Its calls are counted from a claim that finds something to do: most find nothing. */
  readonly maintain: (diesAt: number | undefined) => Promise<Maintained>
}

type Maintained = Pick<Extract<ToParent, { readonly type: 'maintained' }>, 'wrong' | 'worked'>

/** A child of the soak, with one store or two. */
export async function openWorker(
  { database, place, registry: id, times }: Work,
  [driver, other]: readonly [SecretDriver, SecretDriver | undefined],
  restores: (actor: string) => Promise<void>,
): Promise<Worker> {
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
  const mortally = async <T>(diesAt: number | undefined, work: () => Promise<T>): Promise<T> => {
    left = diesAt ?? Number.POSITIVE_INFINITY
    const answer = await work()
    left = Number.POSITIVE_INFINITY
    return answer
  }
  let onClaim = (): void => {}
  const metadata = mortal(telling(databaseOf(database).open(place), () => onClaim()))
  const stores = { [STORE]: mortal(driver), ...(other === undefined ? {} : { [OTHER]: mortal(other) }) }
  const registry = await createSecretRegistry({ id, metadata, stores, authorize: unsafeAllowEveryone, writeTo: STORE, policy: times })
  const migrator = await createSecretMigrator({ id, metadata, stores, actor: { id: 'operator', type: 'service_account' }, policy: times })
  return {
    attempt: (wish, diesAt) => mortally(diesAt, () => perform(wish, registry, metadata, id, restores)),
    move: (move, diesAt) => mortally(diesAt, () => migrate(move, migrator)),
    maintain: diesAt => {
      onClaim = () => (left = Math.min(left, diesAt ?? Number.POSITIVE_INFINITY))
      return mortally(undefined, () => maintain(registry))
    },
  }
}

/** One write by one actor, and what its caller is told. */
export async function perform(
  wish: Wish,
  registry: SecretRegistry,
  metadata: MetadataStore,
  id: string,
  restores: (actor: string) => Promise<void> = async () => {},
): Promise<Attempt['told']> {
  const { actor, action, key, value, description } = wish
  const secrets = registry.account(account, { id: actor, type: 'service_account' })
  try {
    if (action === 'secret.create') await secrets.create({ key, value: value ?? '', description })
    else {
      const row = await metadata.find({ registry: id, account, key }, {})
      if (row === undefined) return 'nothing happened'
      if (action === 'secret.delete') await secrets.delete(row.id)
      else if (action === 'secret.rollback') {
        const before = row.versions[1]
        if (before === undefined) return 'nothing happened'
        await restores(before.committedBy.id)
        await secrets.rollback(row.id, before.version, { ifRevision: row.revision })
      } else await secrets.update(row.id, { value, description })
    }
    return 'done'
  } catch (error) {
    return isSecretError(error) && error.effect === 'none' ? 'nothing happened' : 'not certain'
  }
}

/** Tells when a claim has found something to do. */
function telling(metadata: MetadataStore, found: () => void): MetadataStore {
  const told = async <T>(claim: Promise<readonly T[]>): Promise<readonly T[]> => {
    const claimed = await claim
    if (claimed.length > 0) found()
    return claimed
  }
  return changed(metadata, {
    claimExpiredIntents: (request, call) => told(metadata.claimExpiredIntents(request, call)),
    claimQueue: (request, call) => told(metadata.claimQueue(request, call)),
  })
}

/** One pass of upkeep. */
async function maintain(registry: SecretRegistry): Promise<Maintained> {
  try {
    const { recovered, promoted, destroyed, purged, watched, postponed } = await registry.maintain()
    return { wrong: undefined, worked: recovered + promoted + destroyed + purged + watched + postponed > 0 }
  } catch (error) {
    if (!isSecretError(error)) return { wrong: error instanceof Error ? (error.stack ?? error.message) : String(error), worked: false }
    return { wrong: WRONG.has(error.code) ? `${error.code}: ${error.message}` : undefined, worked: false }
  }
}

async function migrate({ from, to, graceMs }: Move, migrator: SecretMigrator): Promise<string | undefined> {
  const wrong: string[] = []
  const note = (code: string | undefined, reason: string | undefined): void => {
    if (code !== undefined && WRONG.has(code)) wrong.push(`${code}: ${reason}`)
  }
  try {
    const run = migrator.migrate({ from, to, measure: false, graceMs, signal: AbortSignal.timeout(MOST_MOVING_MS) })
    for await (const { code, reason } of run) note(code, reason)
  } catch (error) {
    if (!isSecretError(error)) return error instanceof Error ? (error.stack ?? error.message) : String(error)
    note(error.code, error.message)
  }
  return wrong.length === 0 ? undefined : wrong.join('; ')
}
