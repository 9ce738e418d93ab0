import type { AccountSecrets, SecretReader } from '@strongroom/core'
import { credentialVariablesOf } from '../../config/variables.ts'
import { UsageError } from '../failure.ts'
import { pagesOf } from '../pages.ts'
import { steersPrograms } from './steering.ts'

/** `NAME=key`, as it was given. */
const PAIR = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/
/** What a local store takes its key from where its configuration says nothing. */
const LOCAL_KEY = 'STRONGROOM_LOCAL_KEY'

/** The variables by name, and the key that each is the value of. */
export type Variables = ReadonlyMap<string, string>

/** Those of `--env`: whoever gives a command its options may give it any variable. */
export function givenVariables(pairs: readonly string[]): Variables {
  return new Map(
    pairs.map(pair => {
      const [, name, key] = PAIR.exec(pair) ?? []
      if (name === undefined || key === undefined) throw new UsageError('--env is NAME=key, such as --env PGPASSWORD=database')
      return [name, key] as const
    }),
  )
}

/**
 * All secrets of the account: `stripe-key` is STRIPE_KEY. Two that have one name are refused, and so is one that says what programs are
 * run: who may keep a secret may not thereby run a program of theirs.
 */
export async function allVariables(secrets: AccountSecrets, signal: AbortSignal): Promise<Variables> {
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
      if (steersPrograms(name))
        throw new UsageError(`${JSON.stringify(key)} would be ${name}, which says what programs run and how: name those that are needed by --env`)
      variables.set(name, key)
    }
  }
  return variables
}

interface About {
  /** What names the credentials that the command does not get: it gets values, not what opens the stores. */
  readonly config: unknown
  /** Of those, the ones that it gets all the same. */
  readonly keep: readonly string[]
  readonly signal: AbortSignal
}

/** This process's environment with the values, and without the credentials of the configuration. */
export async function environmentWith(
  variables: Variables,
  values: ReturnType<SecretReader['account']>,
  { config, keep, signal }: About,
): Promise<NodeJS.ProcessEnv> {
  const withheld = new Set([LOCAL_KEY, ...credentialVariablesOf(config)].filter(name => !keep.includes(name)))
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !withheld.has(name)))
  for (const [name, key] of variables) {
    using value = (await values.read({ key }, { signal })).value
    environment[name] = textOf(value.revealBytes(), key)
  }
  return environment
}

function textOf(bytes: Uint8Array, key: string): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // Said below, as of text with a NUL.
  }
  throw new UsageError(`the value of ${JSON.stringify(key)} is no text, and cannot be a variable`)
}
