import { UsageError } from '../failure.ts'
import type { AccountOptions } from '../program.ts'
import { withAccount } from '../session.ts'

export async function read(key: string, options: AccountOptions & { readonly reveal?: boolean }): Promise<void> {
  if (process.stdout.isTTY && options.reveal !== true) throw new UsageError('a value is shown on a terminal only with --reveal')
  await withAccount(options, async (_, { room, account, actor, signal }) => {
    const reader = await room.reader()
    using value = (await reader.account(account, actor).read({ key }, { signal })).value
    const bytes = value.revealBytes()
    await new Promise<void>((done, fail) => process.stdout.write(bytes, error => (error == null ? done() : fail(error))))
    if (process.stdout.isTTY) process.stdout.write('\n')
  })
}
