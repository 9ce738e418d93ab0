import { secretId, type AccountSecrets, type SecretRecord } from '@strongroom/core'
import type { Backend } from '../src/backends/backend.ts'
import { local } from '../src/backends/local.ts'
import { vault } from '../src/backends/vault.ts'

/** Not those of the clouds: a process that loads all their SDKs takes seconds to start. */
export const BACKENDS: { readonly local: Backend; readonly vault: Backend } = { local, vault }

/** What one process is to ask for, and where. */
export interface Asking {
  readonly registry: string
  readonly backend: keyof typeof BACKENDS
  readonly config: unknown
  readonly database: string
  readonly place: unknown
  readonly requestKey: string
  readonly policy: { readonly deadlineMs: number; readonly leaseMs: number }
  readonly idempotencyKey: string
  readonly value: string
  /** The secret to update; without it, one is created. */
  readonly id: string | undefined
  readonly dies: 'before the commit' | 'after the commit' | undefined
}

/** What it says to its parent. */
export type Said =
  | { readonly type: 'ready' }
  | { readonly type: 'answer'; readonly record: SecretRecord }
  | { readonly type: 'failed'; readonly text: string }

export async function ask(secrets: AccountSecrets, { id, value, idempotencyKey }: Asking): Promise<SecretRecord> {
  const change = { value, description: 'asked for' }
  if (id === undefined) return await secrets.create({ key: 'the-key', ...change }, { idempotencyKey })
  return await secrets.update(secretId(id), change, { idempotencyKey })
}
