import type { SecretDriver, SecretErrorCode } from '@strongroom/core'
import { azureDriver, type AzureClient, type AzureOptions } from '../src/index.ts'

export const VAULT = 'https://my-vault.vault.azure.net'
export const VERSION = '85e14505e93b4995bce85d446734357f'
export const OLDER = '797c9751f92e4510a95a61b67fe267d2'
export const call: { readonly signal: AbortSignal; readonly attempt: number } = { signal: new AbortController().signal, attempt: 1 }

type Method = Exclude<keyof AzureClient, 'vaultUrl'>
type Options = { readonly onResponse?: (raw: object) => void }
/** What a method is answered with: a value, an error that is thrown, or a function of its arguments. */
export type Answers = Partial<Record<Method, unknown>>

/** A page of a list, and the link to the next. */
export interface FakePage {
  readonly items: unknown
  readonly nextLink?: unknown
}

/** A ready client that answers as it is told, and keeps what it was asked. */
export function fakeClient(answers: Answers, seen: unknown[][] = []): AzureClient {
  const one =
    (method: Method) =>
    async (...given: unknown[]): Promise<unknown> => {
      seen.push([method, ...given])
      const answer: unknown = answers[method]
      const found = typeof answer === 'function' ? (answer as (...given: unknown[]) => unknown)(...given) : answer
      if (found instanceof Error) throw found
      return found
    }
  const list =
    (method: Method) =>
    (...given: unknown[]): unknown => ({
      byPage: (settings: unknown) => ({
        next: async () => {
          const page = (await one(method)(...given, settings)) as FakePage
          ;(given.at(-1) as Options).onResponse?.({ status: 200, parsedBody: { nextLink: page.nextLink } })
          return { value: page.items, done: false }
        },
      }),
    })
  const client = {
    vaultUrl: VAULT,
    setSecret: one('setSecret'),
    getSecret: one('getSecret'),
    updateSecretProperties: one('updateSecretProperties'),
    beginDeleteSecret: async (...given: unknown[]) => {
      const result = await one('beginDeleteSecret')(...given)
      return { getOperationState: () => ({ result }) }
    },
    getDeletedSecret: one('getDeletedSecret'),
    purgeDeletedSecret: one('purgeDeletedSecret'),
    beginRecoverDeletedSecret: one('beginRecoverDeletedSecret'),
    listPropertiesOfSecrets: list('listPropertiesOfSecrets'),
    listPropertiesOfSecretVersions: list('listPropertiesOfSecretVersions'),
  }
  return client as unknown as AzureClient
}

export function answering(answers: Answers, seen: unknown[][] = [], more: Partial<AzureOptions> = {}): SecretDriver {
  return azureDriver({ vaultUrl: VAULT, client: fakeClient(answers, seen), ...more })
}

/** The line of one version, as the SDK tells it. */
export function line(version: string | undefined, more: object = {}): object {
  return { name: 'a', version, vaultUrl: VAULT, enabled: true, createdOn: new Date(1_700_000_000_000), ...more }
}

export function secret(value: unknown, more: object = {}): object {
  return { name: 'a', value, properties: line(VERSION, more) }
}

/** An error as the SDK makes it of an answer. */
export function restError(statusCode: number, code?: string, inner?: string, headers: Readonly<Record<string, string>> = {}): Error {
  const innerError = inner === undefined ? undefined : { code: inner }
  const response = { headers: { get: (name: string) => headers[name] } }
  return Object.assign(new Error('a message'), { name: 'RestError', statusCode, code, details: { error: { code, innerError } }, response })
}

export async function codeOf(driver: SecretDriver, work: Promise<unknown>): Promise<[SecretErrorCode, string]> {
  const failure = await work.then(
    () => undefined,
    (error: unknown) => driver.classify(error),
  )
  if (failure === undefined) throw new Error('it must fail')
  return [failure.code, failure.effect]
}
