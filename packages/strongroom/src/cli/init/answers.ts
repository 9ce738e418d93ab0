import { accountId, isSecretError } from '@strongroom/core'
import { checkConfig } from '../../config/check.ts'
import { ConfigError } from '../../config/problems.ts'
import { metadataOfUrl, storeOfUrl, BadShorthand } from '../../config/shorthand.ts'
import { typed } from '../../config/typed.ts'
import { UsageError } from '../failure.ts'
import type { GlobalOptions } from '../program.ts'

export type Fields = Readonly<Record<string, unknown>>

/** Where the key of a local store is: a file of its own, a variable of the environment, or beside the values. */
export type LocalKey = 'file' | 'env' | 'beside'

export interface InitOptions extends GlobalOptions {
  readonly yes?: boolean
  readonly force?: boolean
  readonly store?: string
  readonly metadata?: string
  readonly localKey?: LocalKey
  readonly account?: string
}

/** What a new configuration needs to be written. */
export interface Answers {
  /** The store, in its object form. */
  readonly store: Fields
  /** Undefined: stores alone. */
  readonly metadata: Fields | undefined
  /** Whose secrets the next commands are for; it does not stand in the file. */
  readonly account: string | undefined
}

export const DEFAULTS = {
  store: 'local:./store',
  metadata: 'sqlite:./meta.db',
  localKey: 'file',
  keyFile: './strongroom.key',
  databaseUrl: 'DATABASE_URL',
} as const

/** Without questions: what the flags say, and for the rest what is usual. @throws UsageError, ConfigError */
export function answersOf(source: string, options: InitOptions): Answers {
  const answers = {
    store: withLocalKey(storeOf(options.store ?? DEFAULTS.store), options.localKey ?? DEFAULTS.localKey),
    metadata: metadataOf(options.metadata ?? DEFAULTS.metadata),
    account: options.account === '' ? undefined : options.account,
  }
  if (options.localKey !== undefined && answers.store['type'] !== 'local') throw new UsageError('--local-key is for a local store')
  const problem = accountProblem(answers.account)
  if (problem !== undefined) throw new UsageError(problem)
  checkConfig(source, configOf(answers), {}, [])
  return answers
}

export function storeOf(url: string): Fields {
  const fields = shorthand('--store', url, storeOfUrl)
  // In the file a number is one.
  const { stores } = typed({ stores: { main: fields } }, () => true) as { readonly stores: { readonly main: Fields } }
  return stores.main
}

/** `none`, `postgres`, or a URL. */
export function metadataOf(given: string): Fields | undefined {
  if (given === 'none') return undefined
  if (given === 'postgres') return { type: 'postgres', url: { env: DEFAULTS.databaseUrl } }
  return shorthand('--metadata', given, metadataOfUrl)
}

/** A local store with its key; any other, and one whose key is given already, as it is. */
export function withLocalKey(store: Fields, key: LocalKey): Fields {
  if (store['type'] !== 'local' || key === 'beside' || store['key'] !== undefined) return store
  return { ...store, key: key === 'file' ? { file: DEFAULTS.keyFile } : { env: 'STRONGROOM_LOCAL_KEY' } }
}

function configOf({ store, metadata }: Pick<Answers, 'store' | 'metadata'>): Fields {
  return { stores: { main: store }, writeTo: 'main', ...(metadata && { metadata }) }
}

/** Why a store's field is not allowed, if it is not. */
export function fieldProblem(store: Fields, field: string): string | undefined {
  return problemAt(configOf({ store, metadata: undefined }), `stores.main.${field}`)
}

/** Why an account's name is not allowed, if it is not. */
export function accountProblem(account: string | undefined): string | undefined {
  if (account === undefined || account === '') return undefined
  try {
    accountId(account)
    return undefined
  } catch (error) {
    return isSecretError(error) ? (error.hint ?? 'not a name of an account') : 'not a name of an account'
  }
}

function problemAt(config: Fields, path: string): string | undefined {
  try {
    checkConfig('', config, {}, [])
    return undefined
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.find(problem => problem.path === path)?.allowed
  }
}

function shorthand(flag: string, url: string, read: (url: string) => Fields): Fields {
  try {
    return read(url)
  } catch (error) {
    if (!(error instanceof BadShorthand)) throw error
    throw new UsageError(`${flag}: ${error.allowed} is allowed`)
  }
}
