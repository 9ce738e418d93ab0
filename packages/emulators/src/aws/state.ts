import { randomInt } from 'node:crypto'
import type { Controls } from '../shared/controls.ts'
import { AwsRefusal } from './errors.ts'
import { Secret, type SecretView } from './secret.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

export interface Place {
  readonly accountId: string
  readonly region: string
}

/** What a name showed before a change; nothing where there was nothing. */
interface Past {
  readonly at: number
  readonly name: string
  readonly before: SecretView | undefined
}

/** All secrets of an account in a region. */
export class State {
  readonly place: Place
  readonly #controls: Controls
  readonly #secrets = new Map<string, Secret>()
  #past: Past[] = []

  constructor(place: Place, controls: Controls) {
    this.place = place
    this.#controls = controls
  }

  get now(): number {
    return this.#controls.clock.now()
  }

  /** By name, whole ARN, or ARN without its last six characters. What is due by now is done first. */
  find(id: string): Secret | undefined {
    if (!id.startsWith('arn:')) return this.#tidied(this.#secrets.get(id))
    for (const secret of this.#secrets.values()) {
      if (isOf(id, secret)) return this.#tidied(secret)
    }
    return undefined
  }

  /** @throws AwsRefusal */
  get(id: string): Secret {
    const secret = this.find(id)
    if (secret === undefined) throw new AwsRefusal('ResourceNotFoundException')
    return secret
  }

  /** One that is not scheduled for deletion. @throws AwsRefusal */
  getUsable(id: string): Secret {
    const secret = this.get(id)
    if (secret.deletedAt === undefined) return secret
    throw new AwsRefusal('InvalidRequestException', "You can't perform this operation on the secret because it was marked for deletion.")
  }

  create(name: string): Secret {
    this.#remember(name)
    const secret = new Secret(name, this.newArn(name), this.now)
    this.#secrets.set(name, secret)
    return secret
  }

  /** To be called before anything of a secret is changed. */
  changing(secret: Secret): void {
    this.#remember(secret.name)
    secret.changedAt = this.now
  }

  /** Takes the secret away once its time has come. */
  expire(secret: Secret): void {
    if (secret.deletedAt === undefined || secret.deletedAt > this.now) return
    this.#remember(secret.name, secret.deletedAt)
    this.#secrets.delete(secret.name)
  }

  newArn(name: string): string {
    const { accountId, region } = this.place
    const suffix = Array.from({ length: 6 }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('')
    return `arn:aws:secretsmanager:${region}:${accountId}:secret:${name}-${suffix}`
  }

  /** As an eventually consistent read sees it. @throws AwsRefusal */
  seen(id: string): SecretView {
    const view = id.startsWith('arn:') ? this.seenAll().find(candidate => isOf(id, candidate)) : this.#seenNow(id)
    if (view === undefined) throw new AwsRefusal('ResourceNotFoundException')
    return view
  }

  /** As an eventually consistent list sees it. */
  seenAll(): readonly SecretView[] {
    const names = new Set([...this.#secrets.keys(), ...this.#past.map(({ name }) => name)])
    return [...names].map(name => this.#seenNow(name)).filter(view => view !== undefined)
  }

  #seenNow(name: string): SecretView | undefined {
    const live = this.find(name)
    const { lag } = this.#controls
    if (this.#past.length > 0) this.#past = this.#past.filter(({ at }) => at + lag.lists > this.now)
    const hidden = this.#past.find(past => past.name === name)
    return hidden === undefined ? live?.view() : hidden.before
  }

  #remember(name: string, at: number = this.now): void {
    if (this.#controls.lag.lists > 0) this.#past.push({ at, name, before: this.#secrets.get(name)?.view() })
  }

  #tidied(secret: Secret | undefined): Secret | undefined {
    if (secret === undefined) return undefined
    secret.prune(this.now)
    this.expire(secret)
    return this.#secrets.get(secret.name)
  }
}

/** Like AWS, takes an ARN that ends in a hyphen and six characters for a whole one, though a name may end so. */
function isOf(id: string, { arn }: { readonly arn: string }): boolean {
  return arn === id || (arn.slice(0, -7) === id && !/-[A-Za-z0-9]{6}$/.test(id))
}
