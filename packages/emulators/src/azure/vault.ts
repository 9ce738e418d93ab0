import { randomBytes } from 'node:crypto'
import type { Controls } from '../shared/controls.ts'
import type { VaultPlace } from './answers.ts'
import { Refusal } from './errors.ts'
import { checkName } from './limits.ts'
import { keyOf, newVersionId, phaseAt, Secrets, type Phase, type Secret, type Version } from './state.ts'

const DAY = 86_400_000
const CERTIFICATES = 'https://docs.microsoft.com/en-us/azure/key-vault/certificates/about-certificates#composition-of-a-certificate'

export interface VaultOptions {
  readonly recoverableDays: number
  readonly purgeProtection: boolean
  readonly name: string
  /** How long a delete, a recovery and a purge take until they are to be seen, in milliseconds by the emulator's clock. */
  readonly deleteDelayMs: number
  readonly recoverDelayMs: number
  readonly purgeDelayMs: number
}

export interface PlantedCertificate {
  readonly name: string
  /** Default: a text that stands for a PKCS#12. */
  readonly value?: string | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** The secrets of one vault, and how they come and go. */
export class Vault {
  /** Known when the server listens. */
  url = ''
  readonly #controls: Controls
  readonly #options: VaultOptions
  readonly #secrets = new Secrets()
  readonly #backups = new Map<string, Secret>()

  constructor(controls: Controls, options: VaultOptions) {
    this.#controls = controls
    this.#options = options
  }

  get place(): VaultPlace {
    const { recoverableDays, purgeProtection } = this.#options
    return { url: this.url, recoverableDays, purgeProtection }
  }

  /** Now, in seconds since 1970. */
  get seconds(): number {
    return Math.floor(this.#now / 1000)
  }

  /** @throws Refusal unless it is there and not deleted */
  active(name: string): Secret {
    checkName(name)
    const { secret, phase } = this.#find(name)
    if (secret === undefined || phase !== 'active') throw notFound(name)
    return secret
  }

  /** @throws Refusal unless it is deleted, and is to be seen */
  deleted(name: string): Secret {
    checkName(name)
    const { secret, phase } = this.#find(name)
    if (secret === undefined || phase !== 'deleted') throw new Refusal('SecretNotFound', `Deleted Secret not found: ${name}`)
    return secret
  }

  /** @throws Refusal when the name is taken by a deleted secret, or by one on its way */
  add(name: string, version: Version): Secret {
    const { secret, phase } = this.#find(name)
    if (phase === 'deleted') {
      const why = 'its name cannot be reused; in this state, the secret can only be recovered or purged.'
      throw new Refusal('ObjectIsDeletedButRecoverable', `Secret ${name} is currently in a deleted but recoverable state, and ${why}`)
    }
    if (phase === 'recovering') {
      throw new Refusal('ObjectIsBeingRecovered', `Secret ${name} is currently being recovered and cannot be re-created; retry later.`)
    }
    if (phase === 'deleting' || phase === 'purging') {
      throw new Refusal('ObjectIsBeingDeleted', `Secret ${name} is currently being deleted and cannot be re-created; retry later.`)
    }
    if (secret === undefined || phase === 'gone') return this.#write({ name, versions: [version], managed: false }, 'active')
    this.checkNotManaged(secret, 'set')
    return this.#write({ ...secret, versions: [...secret.versions, version] }, 'active')
  }

  replace(secret: Secret, version: Version): Secret {
    const swap = (candidate: Version): Version => (candidate.id === version.id ? version : candidate)
    const [first, ...rest] = secret.versions
    return this.#write({ ...secret, versions: [swap(first), ...rest.map(swap)] }, 'active')
  }

  remove(secret: Secret): Secret {
    const purgesAt = this.#now + this.#options.recoverableDays * DAY
    return this.#write(secret, 'deleted', this.#options.deleteDelayMs, purgesAt)
  }

  recover(name: string): Secret {
    this.#checkSettled(name)
    const { secret, phase } = this.#find(name)
    if (secret === undefined || phase !== 'deleted') throw notFound(name)
    return this.#write(secret, 'active', this.#options.recoverDelayMs)
  }

  purge(name: string): void {
    this.#checkSettled(name)
    const secret = this.deleted(name)
    if (this.#options.purgeProtection) {
      const why = 'Key Vault service will automatically purge it after the retention period has passed.'
      const where = `Vault: ${this.#options.name};location=emulator`
      throw new Refusal('Forbidden', `Operation "purge" is not allowed because purge protection is enabled for this vault. ${why}\r\n${where}`)
    }
    this.#write(secret, 'purged', this.#options.purgeDelayMs)
  }

  /** What a backup answers; it says nothing to anyone but this vault. */
  backup(secret: Secret): string {
    const blob = randomBytes(256).toString('base64url')
    this.#backups.set(blob, secret)
    return blob
  }

  restore(blob: string): Secret {
    const saved = this.#backups.get(blob)
    if (saved === undefined) throw new Refusal('Malformed backup blob')
    if (this.#find(saved.name).phase !== 'gone') {
      const why = 'This can happen if a secret with the same name exists, or if several operations are performed on it at once.'
      throw new Refusal('Conflict', `There was a conflict restoring the secret '${this.url}/secrets/${saved.name}'. ${why}`)
    }
    return this.#write(saved, 'active')
  }

  /** Puts the secret of a certificate into the vault, as making the certificate would. */
  plant({ name, value = 'MIIKAgIBAzCCCb4GCSqGSIb3DQEHAaCCCa8Eggmr', tags }: PlantedCertificate): string {
    checkName(name)
    if (this.#find(name).phase !== 'gone') throw new RangeError('the name is taken')
    const id = newVersionId()
    const kid = `${this.url}/keys/${name}/${id}`
    const times = { created: this.seconds, updated: this.seconds, nbf: undefined, exp: undefined }
    this.#write({ name, versions: [{ id, value, contentType: 'application/x-pkcs12', enabled: true, ...times, tags, kid }], managed: true }, 'active')
    return id
  }

  checkNotManaged({ managed }: Secret, operation: string): void {
    if (!managed) return
    const why = 'Perform the operation on the corresponding certificate. For more information refer to'
    const what = `Operation "${operation}" is not allowed on this secret, since it is associated with a certificate.`
    throw new Refusal('SecretManagedByKeyVault', `${what} ${why} ${CERTIFICATES}`)
  }

  /** The secrets in a phase as lists show them, in the order of their names. */
  listed(phase: Phase): readonly Secret[] {
    return this.#secrets.allAt(this.#listTime).filter(secret => phaseAt(secret, this.#listTime) === phase)
  }

  /** The versions of a secret as lists show them, in the order of their ids; none of one that is not there. */
  listedVersions(name: string): readonly (readonly [Secret, Version])[] {
    const secret = this.#secrets.at(name, this.#listTime)
    if (secret === undefined || phaseAt(secret, this.#listTime) !== 'active') return []
    return secret.versions.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(version => [secret, version])
  }

  get #now(): number {
    return this.#controls.clock.now()
  }

  /** Lists show what was then. */
  get #listTime(): number {
    return this.#now - this.#controls.lag.lists
  }

  #find(name: string): { readonly secret: Secret | undefined; readonly phase: Phase } {
    const secret = this.#secrets.get(keyOf(name))
    return { secret, phase: phaseAt(secret, this.#now) }
  }

  #checkSettled(name: string): void {
    checkName(name)
    const { phase } = this.#find(name)
    if (phase === 'deleting' || phase === 'purging') throw new Refusal('ObjectIsBeingDeleted')
    if (phase === 'recovering') throw new Refusal('ObjectIsBeingRecovered')
  }

  #write(
    { name, versions, managed }: Pick<Secret, 'name' | 'versions' | 'managed'>,
    became: Secret['became'],
    delayMs = 0,
    purgesAt: number = Number.POSITIVE_INFINITY,
  ): Secret {
    const writtenAt = this.#now
    const secret: Secret = { name, versions, managed, writtenAt, became, settlesAt: writtenAt + delayMs, purgesAt }
    this.#secrets.put(secret, this.#listTime)
    return secret
  }
}

export function notFound(id: string): Refusal {
  const what = `A secret with (name/id) ${id} was not found in this key vault.`
  const hint = 'If you recently deleted this secret you may be able to recover it using the correct recovery command.'
  return new Refusal('SecretNotFound', `${what} ${hint} For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182`)
}
