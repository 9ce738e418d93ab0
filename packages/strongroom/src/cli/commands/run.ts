import { UsageError } from '../failure.ts'
import type { AccountOptions } from '../program.ts'
import { allVariables, environmentWith, givenVariables } from '../run/environment.ts'
import { endOf } from '../run/supervise.ts'
import { withAccount } from '../session.ts'

export interface RunOptions extends AccountOptions {
  readonly env?: readonly string[]
  readonly keep?: readonly string[]
}

export async function run(command: string, args: readonly string[], options: RunOptions): Promise<void> {
  if (command === '') throw new UsageError('which command?')
  const environment = await withAccount(options, async (secrets, { room, account, actor, signal, config }) => {
    const variables = options.env === undefined ? await allVariables(secrets, signal) : givenVariables(options.env)
    const values = (await room.reader()).account(account, actor)
    return await environmentWith(variables, values, { config, keep: options.keep ?? [], signal })
  })
  process.exitCode = await endOf(command, args, environment)
}
