import * as sdk from '@aws-sdk/client-secrets-manager'
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'

/** A call of the SDK. In `SecretId`, `arn:NAME` and `partial:NAME` stand for the ARN that this side gave the secret. */
export interface Step {
  readonly operation: string
  readonly input: Readonly<Record<string, unknown>>
}

/** What both sides can agree on: an error's name, or an answer without dates, ids of the side's own, and order. */
export interface Outcome {
  readonly [member: string]: unknown
}

type Command = new (input: object) => Parameters<SecretsManagerClient['send']>[0]

const PAGES = 50
const LISTS: Readonly<Record<string, string>> = { ListSecrets: 'SecretList', ListSecretVersionIds: 'Versions', BatchGetSecretValue: 'SecretValues' }

/** One of the two servers, seen through the official SDK. */
export class Side {
  readonly #client: SecretsManagerClient
  readonly #arns = new Map<string, string>()

  constructor(client: SecretsManagerClient) {
    this.#client = client
  }

  /** The answer, and what the secret that was named looks like afterwards. */
  async take(step: Step): Promise<Outcome> {
    const { Name, SecretId = Name } = step.input
    const name = typeof SecretId === 'string' ? SecretId.replace(/^(arn|partial):/, '') : undefined
    const answer = await this.#outcome(step)
    if (name === undefined) return { answer }
    const described = await this.#outcome({ operation: 'DescribeSecret', input: { SecretId: name } })
    const current = await this.#outcome({ operation: 'GetSecretValue', input: { SecretId: name, VersionStage: 'AWSCURRENT' } })
    return { answer, described, current }
  }

  async #outcome({ operation, input }: Step): Promise<Outcome> {
    try {
      return await this.#all(operation, { ...input, ...(typeof input['SecretId'] === 'string' ? { SecretId: this.#idOf(input['SecretId']) } : {}) })
    } catch (error) {
      if (error instanceof Error) return { error: error.name }
      throw error
    }
  }

  /** A list is followed to its end: pages are told by their sizes. */
  async #all(operation: string, input: object): Promise<Outcome> {
    const member = LISTS[operation]
    const first = await this.#send(operation, input)
    if (member === undefined || first['NextToken'] === undefined) return this.#plain(first)
    const items = first[member] as unknown[]
    const sizes = [items.length]
    for (let page = first; page['NextToken'] !== undefined && page['NextToken'] !== '' && sizes.length < PAGES;) {
      page = await this.#send(operation, { ...input, NextToken: page['NextToken'] })
      const more = page[member] as unknown[]
      items.push(...more)
      sizes.push(more.length)
    }
    return { ...this.#plain({ ...first, NextToken: undefined, [member]: items }), sizes }
  }

  async #send(operation: string, input: object): Promise<Record<string, unknown>> {
    const command = (sdk as unknown as Readonly<Record<string, Command>>)[`${operation}Command`]
    if (command === undefined) throw new TypeError(`the SDK has no ${operation}`)
    const { $metadata: _, ...answer } = (await this.#client.send(new command(input))) as unknown as Record<string, unknown>
    if (operation === 'CreateSecret') this.#arns.set(String(answer['Name']), String(answer['ARN']))
    return answer
  }

  #idOf(id: string): string {
    const [kind, name = ''] = id.split(/:(.*)/s)
    if (kind !== 'arn' && kind !== 'partial') return id
    const arn = this.#arns.get(name) ?? `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}-nobody`
    return kind === 'arn' ? arn : arn.slice(0, -7)
  }

  #plain(answer: Readonly<Record<string, unknown>>): Outcome {
    return plain(answer) as Outcome
  }
}

/** The same for both sides: dates are dates, ARNs have their form, lists have an order, messages are left out. */
function plain(value: unknown, member = ''): unknown {
  if (value instanceof Date) return 'a date'
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value === 'string') {
    if (member !== 'ARN' && member !== 'Name') return value
    return value.replace(/^arn:aws:secretsmanager:[a-z0-9-]+:\d{12}:secret:(.+)-[A-Za-z0-9]{6}$/, 'the ARN of $1')
  }
  if (Array.isArray(value)) {
    return value.map(item => plain(item)).toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(([name, item]) => item !== undefined && name !== 'Message')
  return Object.fromEntries(members.map(([name, item]) => [name, plain(item, name)]))
}

function keyOf(value: unknown): string {
  const { Key, VersionId, Name, SecretId } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  const key = Key ?? VersionId ?? Name ?? SecretId
  return typeof key === 'string' ? key : JSON.stringify(value)
}
