import { accountId, isSecretError, unsafeAllowEveryone } from '@strongroom/core'
import { openStrongroom } from '../../open-strongroom.ts'
import type { Answers } from './answers.ts'

/**
 * Opens what was written and asks each part something. The store first: the database binds its name to its place for good, which a
 * wrong place should not be.
 */
export async function checkWritten(file: string, { metadata, account }: Answers): Promise<void> {
  const onWarning = (message: string): void => void process.stderr.write(`strongroom: warning: ${message}\n`)
  await using room = await openStrongroom(file, { authorize: unsafeAllowEveryone, onWarning })
  await room
    .store()
    .get('strongroom-init')
    .catch((error: unknown) => {
      if (!isSecretError(error, 'not_found')) throw error
    })
  if (metadata === undefined) return
  const registry = await room.registry()
  if (account !== undefined) await registry.account(accountId(account), { id: 'strongroom-init', type: 'service_account' }).list({ limit: 1 })
}
