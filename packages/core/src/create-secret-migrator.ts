import { SecretError } from './errors.ts'
import { Calls } from './internal/calls.ts'
import { checkWho } from './internal/check-records.ts'
import { checkOptions, checkPolicy } from './internal/checks.ts'
import { persist } from './internal/persist.ts'
import { READING_AND_WRITING } from './internal/powers.ts'
import { BoundStores } from './internal/stores.ts'
import type { SecretDriver } from './driver.ts'
import type { References } from './metadata.ts'
import type { MigratorOptions, SecretMigrator } from './migrator.ts'
import { accountId, type CallOptions } from './words.ts'

/**
 * Opens a migrator, which holds both powers.
 * @throws SecretError as `createSecretRegistry`
 */
export async function createSecretMigrator(options: MigratorOptions): Promise<SecretMigrator> {
  const operation = 'createSecretMigrator'
  checkOptions(operation, options, ['id', 'metadata', 'stores', 'actor', 'policy'])
  const { policy = {} } = options
  checkPolicy(operation, policy, ['limits'])
  checkWho(operation, accountId('migrator'), options.actor)
  return new Migrator(await BoundStores.open(operation, options, READING_AND_WRITING, policy))
}

class Migrator implements SecretMigrator {
  readonly #stores: BoundStores<SecretDriver>
  readonly #calls = new Calls()

  constructor(stores: BoundStores<SecretDriver>) {
    this.#stores = stores
  }

  async references(store: string, options: CallOptions = {}): Promise<References> {
    const operation = 'migrator.references'
    this.#calls.assertOpen(operation)
    checkOptions(operation, options, ['signal'])
    if (typeof store !== 'string') throw SecretError.invalid(operation, 'a store’s name is a string')
    const { registry, metadata } = this.#stores
    return await this.#calls.track(persist(() => metadata.references({ registry, store }, options)))
  }

  async close(): Promise<void> {
    await this.#calls.close(() => this.#stores.close())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
