import type { DriverCapabilities } from '@strongroom/core'
import type { Rule } from './rules.ts'
import { INITIAL, OUTSIDER, type Budget, type Op, type Path, type State, type Version } from './state.ts'

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
  | { readonly does: 'sweep' }
  | { readonly does: 'read'; readonly record: number }
  | { readonly does: 'outsider'; readonly record: number }
  | { readonly does: 'maintain' }

export interface Configuration {
  readonly flavour: Flavour
  readonly roles: readonly Role[]
  /** Versions that record 0 has at the beginning; 0: it is not there. */
  readonly versions: number
  readonly keep: number
  readonly budget: Partial<Budget>
  /** How often an append that was refused is sent after the newest; 3 as in core, fewer to see what is behind it. */
  readonly rounds?: number
  /** A path of somebody else, beside the records'. */
  readonly foreign?: boolean
  /** A put may land after the time that a watch waits: then the sweep has to find what is left. */
  readonly overdue?: boolean
}

export interface System extends Configuration {
  readonly off: ReadonlySet<Rule>
}

export function initialState({ roles, versions: count, keep, budget, foreign = false }: Configuration): State {
  const records = 1 + Math.max(0, ...roles.map(role => ('record' in role ? role.record : 0)))
  const requests = 1 + Math.max(-1, ...roles.map(role => ('request' in role ? (role.request ?? -1) : -1)))
  const versions = Array.from({ length: count }, (_, index): Version => ({
    version: index + 1,
    token: INITIAL + index,
    value: INITIAL + index,
    usable: index >= count - keep,
  }))
  const kept = versions.filter(({ usable }) => usable).map(({ version, value }) => ({ version, value }))
  const path: Path | null = count === 0 ? null : { versions, current: count, removing: false }
  const none = Array.from({ length: records - 1 }, () => null)
  const theirs: Path = { versions: [{ version: 1, token: OUTSIDER, value: OUTSIDER, usable: true }], current: 1, removing: false }
  return {
    rows: [count === 0 ? null : { revision: count, kept: kept.toReversed() }, ...none],
    intents: [],
    tasks: [],
    committed: 0,
    undone: 0,
    requests: Array.from({ length: requests }, () => null),
    paths: [path, ...none, ...(foreign ? [theirs] : [])],
    flying: [],
    processes: roles.map(({ does }) => ({ step: does === 'maintain' || does === 'sweep' ? 'idle' : 'begin' })),
    budget: { faults: 0, crashes: 0, timeouts: 0, ambiguous: 0, stalls: 0, ...budget },
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
export function drifts({ flavour }: Configuration, state: State, record: number): boolean {
  const row = state.rows[record] ?? null
  return flavour.current === 'on_append' && row !== null && state.paths[record]?.current !== row.kept[0]?.version
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
  return (rows[path] ?? null) !== null || intents.some(({ record }) => record === path) || tasks.some(task => task.path === path)
}

export function isWrite(role: Role | undefined): boolean {
  return role !== undefined && !['read', 'outsider', 'maintain', 'sweep'].includes(role.does)
}
