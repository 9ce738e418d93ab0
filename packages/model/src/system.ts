import type { DriverCapabilities } from '@strongroom/core'
import type { Rule } from './rules.ts'
import { INITIAL, OUTSIDER, type Budget, type Op, type Path, type State, type Task, type Version } from './state.ts'

type Behaviour = Pick<DriverCapabilities, 'create' | 'appendAfter' | 'current' | 'versionProof' | 'destroyVersion'>

export interface Flavour extends Behaviour {
  readonly name: string
  /** Requests of one create: Google makes the secret first, and adds its version then. */
  readonly createRequests: 1 | 2
  /** Answers the first put's version to another with the same token, as AWS does. */
  readonly sameToken: boolean
  /** A purge that is begun first, and done when it is asked for again. */
  readonly pending: boolean
}

const LOCAL = { create: 'atomic', appendAfter: 'compared', current: 'on_promote', versionProof: 'token', destroyVersion: 'erased' } as const
const POSITION = { ...LOCAL, current: 'on_append', versionProof: 'position' } as const
const PLAIN = { createRequests: 1, sameToken: false, pending: false } as const

export const local: Flavour = { name: 'local', ...LOCAL, ...PLAIN }
export const aws: Flavour = { name: 'aws', ...LOCAL, appendAfter: 'ignored', destroyVersion: 'detached', ...PLAIN, sameToken: true }
export const google: Flavour = { name: 'google', ...POSITION, appendAfter: 'ignored', ...PLAIN, createRequests: 2 }
export const azure: Flavour = {
  name: 'azure',
  ...LOCAL,
  create: 'checked',
  appendAfter: 'ignored',
  current: 'on_append',
  destroyVersion: 'blocked',
  ...PLAIN,
  pending: true,
}
export const vault: Flavour = { name: 'vault', ...POSITION, ...PLAIN }

/** What a process of a configuration does. A write is one operation; a maintainer and a sweep go on for ever. */
export type Role =
  | { readonly does: 'create'; readonly record: number; readonly request?: number }
  | { readonly does: 'update'; readonly record: number; readonly request?: number }
  | { readonly does: 'describe'; readonly record: number }
  | { readonly does: 'delete'; readonly record: number }
  | { readonly does: 'rollback'; readonly record: number; readonly to: number }
  | { readonly does: 'repair'; readonly record: number }
  /** One try to bring the record into the store, 0 or 1. */
  | { readonly does: 'migrate'; readonly record: number; readonly to: 0 | 1 }
  | { readonly does: 'sweep' }
  | { readonly does: 'read'; readonly record: number }
  | { readonly does: 'outsider'; readonly record: number }
  | { readonly does: 'maintain' }

export interface Configuration {
  readonly flavour: Flavour
  /** Of the store 1; as the store 0 if it is not given. */
  readonly target?: Flavour
  readonly roles: readonly Role[]
  /** Versions that record 0 has at the beginning; 0: it is not there. */
  readonly versions: number
  readonly keep: number
  readonly budget: Partial<Budget>
  /** How often an append that was refused is sent after the newest; 3 as in core, fewer to see what is behind it. */
  readonly rounds?: number
  /** A path of somebody else, beside the records'. */
  readonly foreign?: boolean
  /** Record 0 has been moved to the store 1, and its old copy is where it was. */
  readonly moved?: boolean
  /**
   * What happened to the record before it was moved: an update was committed, and its writer died before the label was moved and the version
   * before destroyed; or the update of a role died, was undone, and its put may still land.
   */
  readonly before?: 'label behind' | 'late put'
  /** An old copy stays until its record is deleted. */
  readonly keepsCopies?: boolean
  /** A put may land after the time that a watch waits: then the sweep has to find what is left. */
  readonly overdue?: boolean
}

export interface System extends Configuration {
  readonly off: ReadonlySet<Rule>
}

/** Paths: one a record, which holds its fresh id; the one that it was moved to; one of each migration's own; and somebody else's. */
export function recordsOf({ roles }: Configuration): number {
  return 1 + Math.max(0, ...roles.map(role => ('record' in role ? role.record : 0)))
}

function movesOf({ roles }: Configuration): readonly Extract<Role, { does: 'migrate' }>[] {
  return roles.filter(role => role.does === 'migrate')
}

/** Where a migration puts its copy: nothing has ever been there. */
export function newPathOf(configuration: Configuration, process: number): number {
  const { roles, moved = false } = configuration
  return recordsOf(configuration) + Number(moved) + movesOf({ ...configuration, roles: roles.slice(0, process) }).length
}

export function storeAt(configuration: Configuration, path: number): 0 | 1 {
  const move = path - recordsOf(configuration) - Number(configuration.moved ?? false)
  if (move >= 0) return movesOf(configuration)[move]?.to ?? 0
  return configuration.moved === true && path === recordsOf(configuration) ? 1 : 0
}

export function flavourAt(configuration: Configuration, path: number): Flavour {
  const { flavour, target = flavour } = configuration
  return target !== flavour && storeAt(configuration, path) === 1 ? target : flavour
}

/** Whose a path is, of those that record paths and migrations have. */
export function recordAt(configuration: Configuration, path: number): number {
  const records = recordsOf(configuration)
  if (path < records) return path
  return movesOf(configuration)[path - records - Number(configuration.moved ?? false)]?.record ?? 0
}

export function initialState(configuration: Configuration): State {
  const { roles, versions: count, keep, budget, foreign = false, moved = false, before, keepsCopies = false } = configuration
  const records = recordsOf(configuration)
  const requests = 1 + Math.max(-1, ...roles.map(role => ('request' in role ? (role.request ?? -1) : -1)))
  const versions = Array.from({ length: count }, (_, index): Version => ({
    version: index + 1,
    token: INITIAL + index,
    value: INITIAL + index,
    usable: index >= count - keep,
  }))
  const kept = versions.filter(({ usable }) => usable).map(({ version, value }) => ({ version, value }))
  const path: Path | null = count === 0 ? null : { versions, current: before === 'label behind' ? count - 1 : count, removing: false }
  const dead = before === 'late put' ? roles.findIndex(({ does }) => does === 'update') : -1
  const watch: Task = { task: 'watch', path: 0, version: 0, token: dead, claim: -1, late: true, copy: false }
  const none = Array.from({ length: records - 1 }, () => null)
  const isThere = count > 0
  const copies = [...(moved ? [path === null ? null : { ...path, current: count }] : []), ...movesOf(configuration).map(() => null)]
  const old: Task = { task: 'purge', path: 0, version: count, token: -1, claim: -1, late: keepsCopies, copy: true }
  const theirs: Path = { versions: [{ version: 1, token: OUTSIDER, value: OUTSIDER, usable: true }], current: 1, removing: false }
  return {
    rows: [isThere ? { revision: count, path: moved ? records : 0, kept: kept.toReversed() } : null, ...none],
    intents: [],
    tasks: [...(moved ? [old] : []), ...(dead === -1 ? [] : [watch])],
    committed: 0,
    undone: dead === -1 ? 0 : 1 << dead,
    requests: Array.from({ length: requests }, () => null),
    paths: [path, ...none, ...copies, ...(foreign ? [theirs] : [])],
    flying: dead === -1 ? [] : [{ sends: 'append', path: 0, token: dead, value: dead, after: count }],
    processes: roles.map(({ does }, index) =>
      index === dead ? { step: 'end', end: 'dead' } : { step: does === 'maintain' || does === 'sweep' ? 'idle' : 'begin' },
    ),
    budget: { faults: 0, crashes: 0, timeouts: 0, ambiguous: 0, stalls: 0, garbles: 0, ...budget },
  }
}

export function isCommitted(state: State, op: Op): boolean {
  return op >= INITIAL || (state.committed & (1 << op)) !== 0
}

export function nameOf({ roles }: Configuration, process: number): string {
  const role = roles[process]
  return role === undefined ? 'somebody' : `${role.does} ${process}`
}

/** Whose value an operation writes: its own, or, of a repair, that which the record has. */
export function valueOf({ roles }: Configuration, state: State, op: Op, record: number): Op {
  return roles[op]?.does === 'repair' ? (state.rows[record]?.kept[0]?.value ?? op) : op
}

/** What outsiders read of a record whose backend has the newest current, and that is not the committed value. */
export function drifts(configuration: Configuration, state: State, record: number): boolean {
  const row = state.rows[record] ?? null
  if (row === null || flavourAt(configuration, row.path).current !== 'on_append') return false
  return state.paths[row.path]?.current !== row.kept[0]?.version
}

/** A path with the registry's labels that nobody names. */
export function isOrphan(state: State, path: number): boolean {
  const found = state.paths[path] ?? null
  return found !== null && !isForeign(state, path) && !isNamed(state, path)
}

export function isForeign(state: State, path: number): boolean {
  return state.paths[path]?.versions[0]?.token === OUTSIDER
}

export function isNamed({ rows, intents, tasks }: State, path: number): boolean {
  return rows.some(row => row?.path === path) || intents.some(intent => intent.path === path) || tasks.some(task => task.path === path)
}

export function isWrite(role: Role | undefined): boolean {
  return role !== undefined && !['read', 'outsider', 'maintain', 'sweep'].includes(role.does)
}
