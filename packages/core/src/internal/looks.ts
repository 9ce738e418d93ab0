import type { DriverEntry, DriverVersion } from '../driver.ts'
import type { SecretError } from '../errors.ts'
import type { PathOwner } from '../metadata-requests.ts'
import type { StoredRecord } from '../records.ts'
import type { Finding, FindingKind } from '../reconciliation.ts'
import { accountId, secretId, type AccountId, type NativePath, type SecretId, type VersionId } from '../words.ts'
import type { Evidence, Store } from './evidence.ts'
import { ACCOUNT_LABEL, labelsOf, REGISTRY_LABEL, SECRET_LABEL } from './labels.ts'
import { isOurForm, spaceOf } from './paths.ts'

/** What was found, and whether it can be mended at all; the record as it was when it was looked at. */
export interface Suspect {
  readonly finding: Omit<Finding, 'repair' | 'reason'>
  readonly problem: string
  readonly mendable: boolean
  readonly record: StoredRecord | undefined
}

/** What is looked at: a record's secret, or one of a list. */
export interface Candidate {
  readonly path: NativePath
  readonly record?: StoredRecord
  readonly labels?: Labels | undefined
}

type Labels = NonNullable<DriverEntry['labels']>

/** Nothing, where all is as it should be. `skipped`: too young or under way, so that nothing is said of it. */
export type Verdict = readonly Suspect[] | 'skipped'

const SOUND: readonly Suspect[] = []

/**
 * The looks at single records and secrets. A list only names candidates, since it may be old and change while it is walked. A candidate
 * is asked for by itself, and then the database is asked whether all is still as it was: only then it is a finding.
 */
export class Looks {
  readonly #registry: string
  readonly #evidence: Evidence
  readonly #graceMs: number

  constructor(registry: string, evidence: Evidence, graceMs: number) {
    this.#registry = registry
    this.#evidence = evidence
    this.#graceMs = graceMs
  }

  /** `owner` was asked for after the record and before this look. */
  async record(store: Store, record: StoredRecord, owner: PathOwner | undefined): Promise<Verdict> {
    if (this.#isYoung(record.updatedAt ?? record.createdAt)) return 'skipped'
    const suspects = await this.#compare(store, record)
    if (suspects.length === 0) return SOUND
    const now = await this.#evidence.owner(store, record.pointer.path)
    if (now === undefined || now.intents > 0 || !(await this.#evidence.isUnchanged(record))) return 'skipped'
    const proved = suspects.filter(({ finding: { kind } }) => {
      // A label that was still to be moved when it was looked at, or a version that is watched since.
      if (kind === 'drift') return now.tasks === now.destroys && (owner?.tasks ?? 0) === (owner?.destroys ?? 0)
      // A version that a put under way has made, or that a task will destroy.
      return kind !== 'stray' || (now.tasks === 0 && owner !== undefined && owner.tasks === 0 && owner.intents === 0)
    })
    return proved.length > 0 ? proved : 'skipped'
  }

  /** That its store does not answer about it, which says nothing for it and nothing against it. */
  unjudged(store: Store, { code }: SecretError, { path, record, labels }: Candidate): Suspect {
    const finding = this.#finding('unjudged', store, path, record, this.#labelled(labels ?? {}))
    return { finding, problem: `${UNJUDGED} (${code})`, mendable: false, record }
  }

  /** `owner` was asked for after the list that has the entry; `space` is how paths of this registry begin there. */
  async entry(store: Store, space: string, entry: DriverEntry, owner: PathOwner | undefined): Promise<Verdict> {
    const { path, labels = {} } = entry
    if (owner?.row !== undefined) return entry.labels === undefined ? SOUND : await this.#labels(store, entry, owner.row)
    if (owner !== undefined) return 'skipped'
    const isOurs = labels[REGISTRY_LABEL] === this.#registry
    if (!isOurs && !isOurForm(path.slice(space.length))) return SOUND
    const versions = await this.#evidence.versions(store, path, undefined)
    if (versions === undefined || (isOurs && !(await this.#evidence.isThere(store, path, versions)))) return SOUND
    const dates = [entry.createdAt, entry.updatedAt, ...versions.map(({ createdAt }) => createdAt)].filter(date => date !== undefined)
    if (dates.some(date => this.#isYoung(date))) return 'skipped'
    if ((await this.#evidence.owner(store, path)) !== undefined) return 'skipped'
    const named = this.#labelled(labels)
    const finding = this.#finding(isOurs ? 'orphan' : 'foreign', store, path, undefined, named)
    if (!isOurs) return [{ finding, problem: FOREIGN, mendable: false, record: undefined }]
    if (named === undefined || spaceOf(path, this.#registry, named.secret) === undefined) {
      return [{ finding, problem: UNPROVEN, mendable: false, record: undefined }]
    }
    if (dates.length === 0) return [{ finding, problem: UNDATED, mendable: false, record: undefined }]
    return [{ finding, problem: ORPHAN, mendable: true, record: undefined }]
  }

  async #compare(store: Store, record: StoredRecord): Promise<readonly Suspect[]> {
    const { key } = record
    const { path, version } = record.pointer
    const versions = await this.#evidence.versions(store, path, key)
    const own = versions?.find(candidate => candidate.version === version)
    const holder = versions?.find(({ current }) => current)?.version
    if (own?.state === 'usable' && holder === version) return await this.#compareRest(store, record, versions ?? [])
    // AWS calls a version without a label destroyed, and gives it out all the same.
    const state = own?.state === 'usable' ? 'there' : await this.#evidence.reads(store, path, version, key)
    const suspect = (kind: FindingKind, problem: string, current?: VersionId): Suspect => ({
      finding: { ...this.#finding(kind, store, path, record, undefined), current, version: kind === 'missing' ? version : undefined },
      problem,
      mendable: kind === 'drift',
      record,
    })
    if (state === 'not_found') return [versions === undefined ? suspect('dangling', DANGLING) : suspect('missing', GONE)]
    if (state === 'version_unusable') return [suspect('missing', UNUSABLE)]
    const current = await this.#evidence.current(store, path, key)
    if (current === version) return await this.#compareRest(store, record, versions ?? [])
    const drift = suspect('drift', current === undefined ? SILENT : DRIFT, current)
    // A label is moved from its holder; where nothing holds it there is nothing to compare with.
    const stuck = current === undefined && store.driver.capabilities.current === 'on_promote'
    if (stuck) return [{ ...drift, problem: UNLABELLED, mendable: false }]
    const wanted = await this.#unlabelled(store, record, own)
    return [wanted === undefined ? drift : { ...drift, problem: `${NOT_OURS} ${wanted}`, mendable: false }]
  }

  /**
   * The labels to set before the secret may be written to; undefined when it has those of its record, or was adopted and has its own.
   * Where a version has labels of its own, an outsider's newest has none. Such a backend makes the newest current and tells who put a
   * version: there a secret whose own version this library has put may be without any of them, and may not have another's.
   */
  async #unlabelled(store: Store, record: StoredRecord, own: DriverVersion | undefined): Promise<string | undefined> {
    if (record.adopted !== undefined) return undefined
    const wanted = labelsOf(this.#registry, record.accountId, record.id)
    const entry = await this.#evidence.listed(store, record.pointer.path)
    const labels = entry === undefined ? {} : entry.labels
    const wrong = wrongOf(wanted, labels)
    if (wrong.length === 0) return undefined
    const { current, versionProof } = store.driver.capabilities
    const isByVersion = current === 'on_append' && versionProof === 'token' && own?.token !== undefined
    const hasNone = Object.keys(wanted).every(name => labels?.[name] === undefined)
    return isByVersion && hasNone ? undefined : textOf(wanted, wrong)
  }

  /** What the record keeps beside its pointer's, for a rollback, and what is there beside that. */
  async #compareRest(store: Store, record: StoredRecord, versions: readonly DriverVersion[]): Promise<readonly Suspect[]> {
    const lost = await this.#compareKept(store, record, versions)
    return [...(lost === undefined ? [] : [lost]), ...(await this.#strays(store, record, versions))]
  }

  /** Usable versions that the record does not keep. Of what was adopted, those of before are its owner's. */
  async #strays(store: Store, record: StoredRecord, versions: readonly DriverVersion[]): Promise<readonly Suspect[]> {
    if (record.adopted !== undefined) return SOUND
    const { path } = record.pointer
    const isStray = ({ version, state, createdAt }: DriverVersion): boolean =>
      state === 'usable' && !record.versions.some(kept => kept.version === version) && !(createdAt !== undefined && this.#isYoung(createdAt))
    const listed = versions.filter(isStray)
    if (listed.length === 0) return SOUND
    // The list may have been old: what has been destroyed since is no longer in another, or is no longer read.
    const again = (await this.#evidence.versions(store, path, record.key))?.filter(isStray) ?? []
    const strays: Suspect[] = []
    for (const { version } of listed) {
      if (!again.some(other => other.version === version) || (await this.#evidence.reads(store, path, version, record.key)) !== 'there') continue
      const finding = { ...this.#finding('stray', store, path, record, undefined), version }
      strays.push({ finding, problem: STRAY, mendable: false, record })
    }
    return strays
  }

  async #compareKept(store: Store, record: StoredRecord, versions: readonly DriverVersion[]): Promise<Suspect | undefined> {
    const { path } = record.pointer
    for (const { version } of record.versions.slice(1)) {
      const listed = versions.find(candidate => candidate.version === version)?.state
      // Where destruction only detaches, one that was replaced looks destroyed and is there.
      const isDetached = listed === 'destroyed' && store.driver.capabilities.destroyVersion === 'detached'
      if (listed === 'usable' || isDetached || (await this.#evidence.reads(store, path, version, record.key)) === 'there') continue
      const finding = { ...this.#finding('missing', store, path, record, undefined), version }
      return { finding, problem: KEPT, mendable: false, record }
    }
    return undefined
  }

  async #labels(store: Store, { path, labels }: DriverEntry, row: NonNullable<PathOwner['row']>): Promise<Verdict> {
    const wanted = labelsOf(this.#registry, row.account, row.secret)
    // What was adopted keeps its own.
    if (row.adopted !== undefined || wrongOf(wanted, labels).length === 0) return SOUND
    const record = await this.#evidence.find(row.account, row.secret)
    if (record === undefined || this.#isYoung(record.updatedAt ?? record.createdAt)) return 'skipped'
    const again = wrongOf(wanted, (await this.#evidence.listed(store, path))?.labels)
    if (again.length === 0 || !(await this.#evidence.isUnchanged(record))) return 'skipped'
    const problem = `${LABELS} ${textOf(wanted, again)}`
    return [{ finding: this.#finding('labels', store, path, record, undefined), problem, mendable: false, record }]
  }

  #finding(
    kind: FindingKind,
    store: Store,
    path: NativePath,
    record: StoredRecord | undefined,
    labels: { readonly account: AccountId; readonly secret: SecretId } | undefined,
  ): Suspect['finding'] {
    const { accountId: account = labels?.account, id: secret = labels?.secret, key, pointer } = record ?? {}
    return { kind, store: store.name, path, account, secret, key, pointer: pointer?.version, current: undefined, version: undefined }
  }

  /** Whose secret it is by its labels; undefined when they do not say. */
  #labelled(labels: Readonly<Record<string, string>>): { readonly account: AccountId; readonly secret: SecretId } | undefined {
    try {
      return { account: accountId(labels[ACCOUNT_LABEL] ?? ''), secret: secretId(labels[SECRET_LABEL] ?? '') }
    } catch {
      return undefined
    }
  }

  #isYoung(date: Date): boolean {
    return Date.now() - date.getTime() < this.#graceMs
  }
}

/** The names of those that are not as wanted. A backend that keeps none has none that are wrong. */
function wrongOf(wanted: Labels, found: Labels | undefined): readonly string[] {
  return Object.keys(wanted).filter(name => found !== undefined && found[name] !== wanted[name])
}

function textOf(wanted: Labels, names: readonly string[]): string {
  return names.map(name => `${name}=${wanted[name]}`).join(', ')
}

const ORPHAN = 'the secret has this registry’s labels and no record; a repair queues its removal'
const UNPROVEN = 'the secret has this registry’s label but not the path of the record that its labels name, such as a copy: look whose it is'
const UNDATED = 'the secret has no record, and its store tells no date of it: look how old it is before you remove it'
const FOREIGN = 'the secret is where this registry’s are, and has not its labels: it is never touched; look whose it is'
const DANGLING =
  'the record’s secret is gone from its store: restore it there if the store still can, put a new value by an update, or delete the record'
const GONE = 'the version that the record points at is gone from its secret: give the record a new value by an update'
const UNUSABLE =
  'the version that the record points at is disabled or destroyed: enable it in its store if that can be, or give the record a new value by an update'
const KEPT = 'a version that the record keeps for a rollback is gone or cannot be read; the record’s own is whole'
const DRIFT = 'who names no version reads another one than the record’s; a repair makes the record’s current again'
const SILENT = 'who names no version reads nothing, since the newest version cannot be read; a repair puts the record’s value again'
const UNLABELLED = 'no version is current, so that there is none to move the label from: make the record’s version current in its store'
const NOT_OURS =
  'who names no version reads another one than the record’s, and the secret’s labels are not its record’s, so that a repair does not write to it: set in its store'
const STRAY =
  'a version that can be read and that the record does not keep, such as an outsider’s or a put that landed late: destroy it in its store if nobody reads it'
const UNJUDGED = 'its store did not answer about it, so that nothing is said of it; another run asks again'
const LABELS = 'the secret’s labels are not its record’s, and a driver cannot change them: set in its store'
