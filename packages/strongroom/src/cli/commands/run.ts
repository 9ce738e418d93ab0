import { spawn, type ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import type { AccountSecrets } from '@strongroom/core'
import { UsageError } from '../failure.ts'
import { pagesOf } from '../pages.ts'
import type { AccountOptions } from '../program.ts'
import { withAccount } from '../session.ts'

/** `NAME=key`, as it was given. */
const PAIR = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** The variables by name, and the key that each is the value of. */
type Variables = ReadonlyMap<string, string>

export async function run(command: string, args: readonly string[], options: AccountOptions & { readonly env?: readonly string[] }): Promise<void> {
  const environment = await withAccount(options, async (secrets, { room, account, actor, signal }) => {
    const variables = options.env === undefined ? await allOf(secrets, signal) : givenBy(options.env)
    return await valuesOf(variables, { room, account, actor, signal })
  })
  process.exitCode = await ended(command, args, environment)
}

function givenBy(pairs: readonly string[]): Variables {
  return new Map(
    pairs.map(pair => {
      const [, name, key] = PAIR.exec(pair) ?? []
      if (name === undefined || key === undefined) throw new UsageError('--env is NAME=key, such as --env PGPASSWORD=database')
      return [name, key] as const
    }),
  )
}

/** All secrets of the account: `stripe-key` is STRIPE_KEY. Two that have one name are refused. */
async function allOf(secrets: AccountSecrets, signal: AbortSignal): Promise<Variables> {
  const variables = new Map<string, string>()
  for await (const { items } of pagesOf(secrets, signal)) {
    for (const { key } of items) {
      const name = key
        .toUpperCase()
        .replaceAll(/[^A-Z0-9]/g, '_')
        .replace(/^(?=[0-9])/, '_')
      const other = variables.get(name)
      if (other !== undefined)
        throw new UsageError(`${JSON.stringify(other)} and ${JSON.stringify(key)} would both be ${name}: name those that are needed by --env`)
      variables.set(name, key)
    }
  }
  return variables
}

async function valuesOf(
  variables: Variables,
  { room, account, actor, signal }: Parameters<Parameters<typeof withAccount>[1]>[1],
): Promise<NodeJS.ProcessEnv> {
  const reader = (await room.reader()).account(account, actor)
  // The child gets values, not what opens the store.
  const { STRONGROOM_LOCAL_KEY: _key, ...environment } = process.env
  for (const [name, key] of variables) {
    using value = (await reader.read({ key }, { signal })).value
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(value.revealBytes())
    if (text.includes('\0') || text.includes('\uFFFD'))
      throw new UsageError(`the value of ${JSON.stringify(key)} is no text, and cannot be a variable`)
    environment[name] = text
  }
  return environment
}

/** Runs it with this process's terminal, passes signals on, and answers its exit code as a shell would. */
async function ended(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  let child: ChildProcess | undefined
  const passOn = (signal: NodeJS.Signals): void => void child?.kill(signal)
  // Before it starts: a signal in between must not end this process and leave the command alone.
  for (const signal of SIGNALS) process.on(signal, passOn)
  try {
    const started = spawn(command, args, { env, stdio: 'inherit' })
    child = started
    return await new Promise((done, fail) => {
      started.once('error', error => {
        const isMissing = 'code' in error && error.code === 'ENOENT'
        fail(new UsageError(isMissing ? `there is no command ${JSON.stringify(command)}` : `the command ${JSON.stringify(command)} cannot be run`))
      })
      started.once('exit', (code, signal) => done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
    })
  } finally {
    for (const signal of SIGNALS) process.off(signal, passOn)
  }
}
