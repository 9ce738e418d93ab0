import type { MigratorOptions, SecretMigrator } from './migrator.ts'

/**
 * Opens a migrator, which holds both powers.
 * @throws SecretError as `createSecretRegistry`
 */
export async function createSecretMigrator(options: MigratorOptions): Promise<SecretMigrator> {
  // By its first use: a quarter of core is a migrator's alone, and a service need not have one.
  const migrator = await import('./create-secret-migrator.ts')
  return await migrator.createSecretMigrator(options)
}
