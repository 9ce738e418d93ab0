import { createSecretReader, createSecretRegistry, unsafeAllowEveryone } from '@strongroom/core'
import type { MetadataStore, SecretDriver, SecretReader, SecretRegistry } from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'
import { awsDriver } from '../../src/index.ts'
import { accountId, credentials, region } from '../aws-server.ts'

/** What parent and child agree on. */
export interface Scenario {
  readonly endpoint: string
  readonly database: string
  readonly prefix: string
  readonly operation: 'create' | 'update' | 'rollback' | 'delete'
  /** The secret to update, roll back or delete. */
  readonly id: string
  /** What a rollback is to. */
  readonly version: string
  /** Calls of driver and database that the child may make; it is killed in place of the next one. */
  readonly steps: number
}

const ID = 'crash'
export const ACCOUNT = 'acc-1'
export const ACTOR = { id: 'u-1', type: 'user' } as const

export function newDriver(endpoint: string): SecretDriver {
  return awsDriver({ region, endpoint, accountId, ...(credentials === undefined ? {} : { credentials }) })
}

export function newMetadata(path: string, clock: () => Date = () => new Date()): MetadataStore {
  return sqliteMetadata({ path, clock })
}

export function openRegistry(metadata: MetadataStore, driver: SecretDriver, prefix: string): Promise<SecretRegistry> {
  const policy = { prefix, deadlineMs: 5_000, leaseMs: 15_000, putHorizonMs: 60_000 }
  return createSecretRegistry({ id: ID, metadata, stores: { main: driver }, writeTo: 'main', authorize: unsafeAllowEveryone, policy })
}

export function openReader(metadata: MetadataStore, driver: SecretDriver): Promise<SecretReader> {
  return createSecretReader({ id: ID, metadata, stores: { main: driver }, authorize: unsafeAllowEveryone })
}
