import { AwsRefusal } from './errors.ts'
import { MAX_STAGES, type Payload, type Tag } from './limits.ts'

export const CURRENT = 'AWSCURRENT'
const PREVIOUS = 'AWSPREVIOUS'
const KEPT_VERSIONS = 100
export const DAY_MS = 86_400_000

/** A version without its value. Times are in milliseconds since 1970. */
export interface VersionView {
  readonly id: string
  /** Grows with each version. */
  readonly order: number
  readonly createdAt: number
  readonly accessedAt: number | undefined
  readonly stages: readonly string[]
}

/** A secret as describing and listing show it. */
export interface SecretView {
  readonly name: string
  readonly arn: string
  readonly description: string
  readonly kmsKeyId: string
  readonly tags: readonly Tag[]
  readonly createdAt: number
  readonly changedAt: number
  readonly accessedAt: number | undefined
  /** When it goes for good. */
  readonly deletedAt: number | undefined
  /** Oldest first. */
  readonly versions: readonly VersionView[]
}

export interface Version extends VersionView {
  readonly payload: Payload
  accessedAt: number | undefined
  /** In alphabetical order. Replaced, never changed in place. */
  stages: readonly string[]
}

/** One secret and its versions. */
export class Secret {
  readonly name: string
  readonly arn: string
  readonly createdAt: number
  #order = 0
  /** Oldest first. */
  readonly versions: Map<string, Version> = new Map()
  description = ''
  /** Empty: the account's `aws/secretsmanager`. */
  kmsKeyId = ''
  tags: readonly Tag[] = []
  changedAt: number
  accessedAt: number | undefined
  deletedAt: number | undefined
  /** Deleted without a window: it is held for a moment and cannot be restored. */
  forced = false

  constructor(name: string, arn: string, now: number) {
    this.name = name
    this.arn = arn
    this.createdAt = now
    this.changedAt = now
  }

  view(): SecretView {
    const { name, arn, description, kmsKeyId, tags, createdAt, changedAt, accessedAt, deletedAt } = this
    const versions = [...this.versions.values()].map(({ payload: _, ...version }) => version)
    return { name, arn, description, kmsKeyId, tags, createdAt, changedAt, accessedAt, deletedAt, versions }
  }

  holderOf(stage: string): Version | undefined {
    return this.versions.values().find(({ stages }) => stages.includes(stage))
  }

  /** Adds a version with these labels, which are taken from the versions that have them. The first version is always current. */
  add(id: string, payload: Payload, stages: readonly string[], now: number): Version {
    const wanted = new Set(this.versions.size === 0 ? [CURRENT, ...stages] : stages)
    if (wanted.size > MAX_STAGES) throw tooManyStages()
    this.#order += 1
    const version: Version = { id, order: this.#order, payload, createdAt: now, accessedAt: undefined, stages: [] }
    this.versions.set(id, version)
    // The last one, since AWSPREVIOUS follows it.
    const current = wanted.delete(CURRENT)
    for (const stage of wanted) this.move(stage, version)
    if (current) this.move(CURRENT, version)
    return version
  }

  /** Gives a label to a version, or to none. Where `AWSCURRENT` goes, `AWSPREVIOUS` follows to where it was. */
  move(stage: string, to: Version | undefined): void {
    const from = this.holderOf(stage)
    if (from === to) return
    if (to !== undefined && to.stages.length >= MAX_STAGES) throw tooManyStages()
    if (from !== undefined) from.stages = from.stages.filter(held => held !== stage)
    if (to !== undefined) to.stages = [...to.stages, stage].toSorted()
    if (stage === CURRENT && from !== undefined) this.move(PREVIOUS, from)
  }

  /** Takes away the oldest versions without labels, as long as there are more than a hundred, but none of the last day. */
  prune(now: number): void {
    if (this.versions.size <= KEPT_VERSIONS) return
    for (const { id, stages, createdAt } of this.versions.values()) {
      if (this.versions.size <= KEPT_VERSIONS) return
      if (stages.length === 0 && now - createdAt >= DAY_MS) this.versions.delete(id)
    }
  }
}

function tooManyStages(): AwsRefusal {
  return new AwsRefusal('LimitExceededException', `A version can have at most ${MAX_STAGES} staging labels.`)
}
