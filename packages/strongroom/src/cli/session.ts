import { userInfo } from 'node:os'
import { accountId, unsafeAllowEveryone, type AccountSecrets, type AccountId, type Actor } from '@strongroom/core'
import type { CheckedConfig } from '../config/check.ts'
import { loadConfig } from '../config/load.ts'
import { openLoaded, type Strongroom } from '../open-strongroom.ts'
import { UsageError } from './failure.ts'
import type { AccountOptions, GlobalOptions } from './program.ts'

/**
 * Opens the configuration for one command. Who may read it and the credentials in it may do everything that they allow: the rules of
 * `authorization` are for the services that take requests of others.
 */
export async function withRoom<Answer>(
  { config }: GlobalOptions,
  work: (room: Strongroom, signal: AbortSignal, config: CheckedConfig) => Promise<Answer>,
): Promise<Answer> {
  const stopping = new AbortController()
  const stop = (): void => stopping.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    const onWarning = (message: string): void => void process.stderr.write(`strongroom: warning: ${message}\n`)
    const loaded = await loadConfig(config, process.env)
    await using room = await openLoaded(loaded, { authorize: unsafeAllowEveryone, onWarning })
    return await work(room, stopping.signal, loaded.checked)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

export function actorOf({ actor }: Pick<AccountOptions, 'actor'>): Actor {
  return { id: actor ?? ownName(), type: 'user' }
}

/** A container often runs as a number that no name belongs to. */
function ownName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`
  }
}

/** @throws UsageError without one; SecretError `invalid_argument` for what cannot be one */
export function accountOf({ account }: Pick<AccountOptions, 'account'>): AccountId {
  if (account === undefined || account === '') throw new UsageError('whose secrets? give --account or STRONGROOM_ACCOUNT')
  return accountId(account)
}

interface About {
  readonly room: Strongroom
  readonly account: AccountId
  readonly actor: Actor
  readonly signal: AbortSignal
  readonly config: CheckedConfig
}

export async function withAccount<Answer>(
  options: AccountOptions,
  work: (secrets: AccountSecrets, about: About) => Promise<Answer>,
): Promise<Answer> {
  const account = accountOf(options)
  const actor = actorOf(options)
  return await withRoom(options, async (room, signal, config) => {
    const registry = await room.registry()
    return await work(registry.account(account, actor), { room, account, actor, signal, config })
  })
}
