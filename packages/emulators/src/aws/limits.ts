import { AwsRefusal } from './errors.ts'
import { checkLength, choice, list, needed, structure, text, textItem, unreadable, type Input } from './input.ts'

// From the service's model (`secretsmanager-2017-10-17`) and its quotas page.
const VALUE = { min: 1, max: 65_536 }
const TOKEN = { min: 32, max: 64 }
const STAGE = { min: 1, max: 256 }
export const MAX_STAGES = 20
const MAX_TAGS = 50
export const SECRETS_A_BATCH = 20
const FILTER_VALUE = { max: 512, pattern: /^!?[a-zA-Z0-9 :_@/+=.\-!]*$/ }
const FILTER_KEYS = ['description', 'name', 'tag-key', 'tag-value', 'primary-region', 'owning-service', 'all'] as const
const ANY = 10_000

export interface Tag {
  readonly Key: string
  readonly Value: string
}

/** What a version holds, in the form of an answer. */
export type Payload = { readonly SecretString: string } | { readonly SecretBinary: string }

export interface Filter {
  readonly key: (typeof FILTER_KEYS)[number]
  readonly values: readonly string[]
}

/** A name for a new secret. The service's message has a `!` that its documentation has not. */
export function newName(input: Input): string {
  const name = needed(text(input, 'Name', { min: 1, max: 512 }), 'Name')
  if (!/^[A-Za-z0-9/_+=.@-]+$/.test(name)) throw invalidName()
  return name
}

export function secretId(input: Input): string {
  return checkedId(needed(text(input, 'SecretId', { min: 1, max: 2048 }), 'SecretId'))
}

export function secretIds(input: Input): readonly string[] | undefined {
  return list(input, 'SecretIdList', { min: 1, max: SECRETS_A_BATCH }, textItem({ min: 1, max: 2048 }))
}

/** @throws AwsRefusal for what can be no name */
export function checkedId(id: string): string {
  if (!id.startsWith('arn:') && !/^[A-Za-z0-9/_+=.@!-]+$/.test(id)) throw invalidName()
  return id
}

/** The SDK makes a token by itself; who sends plain requests must give one. */
export function requestToken(input: Input): string {
  const token = text(input, 'ClientRequestToken', TOKEN)
  if (token !== undefined) return token
  throw new AwsRefusal('InvalidRequestException', 'You must provide a ClientRequestToken value. We recommend a UUID-type value.')
}

export function versionId(input: Input, member: string): string | undefined {
  return text(input, member, TOKEN)
}

export function stage(input: Input): string | undefined {
  return text(input, 'VersionStage', STAGE)
}

export function stages(input: Input): readonly string[] | undefined {
  return list(input, 'VersionStages', { min: 1, max: MAX_STAGES }, textItem(STAGE))
}

/** The value of a request. Nothing of it gets into a refusal. */
export function payload(input: Input): Payload | undefined {
  const { SecretString = null, SecretBinary = null } = input
  if (SecretString !== null && SecretBinary !== null) {
    const message = "You can't specify both a binary secret value and a string secret value in the same secret."
    throw new AwsRefusal('InvalidParameterException', message)
  }
  if (SecretString !== null) {
    if (typeof SecretString !== 'string') throw unreadable()
    checkLength(Buffer.byteLength(SecretString), "Value at 'secretString'", VALUE)
    return { SecretString }
  }
  if (SecretBinary === null) return undefined
  if (typeof SecretBinary !== 'string') throw unreadable()
  const bytes = Buffer.from(SecretBinary, 'base64')
  if (bytes.toString('base64') !== SecretBinary) throw unreadable()
  checkLength(bytes.byteLength, "Value at 'secretBinary'", VALUE)
  return { SecretBinary }
}

export function description(input: Input): string | undefined {
  return text(input, 'Description', { max: 2048 })
}

export function kmsKeyId(input: Input): string | undefined {
  return text(input, 'KmsKeyId', { max: 2048 })
}

export function tags(input: Input): readonly Tag[] | undefined {
  const found = list(input, 'Tags', { max: ANY }, item => {
    const given = structure(item)
    return { Key: needed(text(given, 'Key', { min: 1, max: 128 }), 'Key'), Value: text(given, 'Value', { max: 256 }) ?? '' }
  })
  if (found === undefined) return undefined
  if (found.some(({ Key }) => Key.toLowerCase().startsWith('aws:'))) throw wrongTags('Tag keys that begin with aws: are reserved for AWS.')
  if (new Set(found.map(({ Key }) => Key)).size < found.length) throw wrongTags('Each tag key can be given once.')
  checkTagCount(found.length)
  return found
}

export function tagKeys(input: Input): readonly string[] {
  return needed(list(input, 'TagKeys', { max: ANY }, textItem({ min: 1, max: 128 })), 'TagKeys')
}

export function checkTagCount(count: number): void {
  if (count > MAX_TAGS) throw wrongTags(`A secret can have at most ${MAX_TAGS} tags.`)
}

export function filters(input: Input): readonly Filter[] | undefined {
  return list(input, 'Filters', { max: 10 }, item => {
    const given = structure(item)
    const key = choice(given, 'Key', FILTER_KEYS)
    if (key === undefined) throw new AwsRefusal('InvalidParameterException', 'Invalid filter key')
    const values = list(given, 'Values', { min: 1, max: 10 }, textItem(FILTER_VALUE))
    if (values === undefined) throw new AwsRefusal('InvalidParameterException', `Invalid filter values for key: ${key}`)
    return { key, values }
  })
}

function invalidName(): AwsRefusal {
  const message = 'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!'
  return new AwsRefusal('ValidationException', message)
}

function wrongTags(message: string): AwsRefusal {
  return new AwsRefusal('InvalidParameterException', message)
}
