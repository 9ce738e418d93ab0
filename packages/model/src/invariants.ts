import { rowAt } from './database.ts'
import { OUTSIDER, type State, type Task } from './state.ts'
import { drifts, flavourAt, isCommitted, isForeign, isOrphan, isWrite, nameOf, recordAt, type System } from './system.ts'

/** Numbers as in docs/model.md. */
export type Invariant =
  | '1 acknowledged'
  | '2 pointer'
  | '3 orphans'
  | '4 reads'
  | '5 free key'
  | '6 one writer'
  | '7 whole'
  | '8 outsiders'
  | '9 foreign'
  | '11 once'
  | '12 ends'

export interface Violation {
  readonly invariant: Invariant
  readonly says: string
}

const violation = (invariant: Invariant, says: string): Violation => ({ invariant, says })

/** What must hold in every state; and what must hold once nothing is under way any more. */
export function violationOf(system: System, state: State): Violation | undefined {
  return always(system, state) ?? (isQuiet(system, state) ? quiet(system, state) : undefined)
}

/** Nothing is under way, and nobody would do anything more. */
export function isQuiet(system: System, state: State): boolean {
  const { roles } = system
  const { intents, tasks, flying, processes, paths } = state
  if (intents.length > 0 || flying.length > 0 || !tasks.every(task => isKeptCopy(system, state, task))) return false
  return processes.every(({ step, job, base }, index) => {
    const role = roles[index]
    if (job !== undefined) return false
    if (role?.does === 'repair' && step === 'begin') return base === undefined && !drifts(system, state, role.record)
    if (role?.does === 'sweep' && step === 'idle') return !paths.some((_, path) => isOrphan(state, path))
    return step === 'end' || step === 'idle'
  })
}

/** What a migration left and nobody is to purge while the record is there. */
function isKeptCopy(system: System, { rows }: State, { copy, late, path }: Task): boolean {
  return copy && late && (rows[recordAt(system, path)] ?? null) !== null
}

function always(system: System, state: State): Violation | undefined {
  const { rows, paths, intents, processes } = state
  for (const [index, { end, job, token }] of processes.entries()) {
    const name = nameOf(system, index)
    const role = system.roles[index]
    // The caller is told once what is tried at once has been tried.
    if (end === 'ok' && job === undefined && isWrite(role) && !isCommitted(state, token ?? index) && !isAnswered(system, state, index)) {
      return violation('1 acknowledged', `${name} was acknowledged, and is not committed`)
    }
    if (end === 'exists' && isAnswered(system, state, index)) {
      return violation('11 once', `${name} is refused what was done for it before`)
    }
    if ((end === 'failed' || end === 'exists') && isCommitted(state, index))
      return violation('7 whole', `${name} failed for certain, and is committed`)
    if (end === 'taken') return violation('5 free key', `${name} finds the path of its new record taken`)
    if (end === 'lost') return violation('4 reads', `${name} finds no value though the record is there`)
    if (end === 'wrong') return violation('4 reads', `${name} is given another value than the one committed`)
  }
  if (rows.filter(row => row !== null).length > 1) return violation('6 one writer', 'two records have the key')
  for (const [index, intent] of intents.entries()) {
    if (intent.kind === 'migrate') continue
    if (
      intents.some(
        (other, at) =>
          at > index && other.kind !== 'migrate' && (other.record === intent.record || (other.kind === 'create' && intent.kind === 'create')),
      )
    ) {
      return violation('6 one writer', 'two writes hold the record, or the key')
    }
    const row = rows[intent.record]
    if (intent.kind === 'update' && (row?.kept[0]?.version !== intent.base || row.path !== intent.path)) {
      return violation('6 one writer', `the record is changed under the intent of ${nameOf(system, intent.op)}`)
    }
  }
  if (system.foreign === true && paths.at(-1) === null) return violation('9 foreign', 'upkeep purged a path of somebody else')
  for (const [index] of processes.entries()) {
    if (isCommitted(state, index) && isAnswered(system, state, index)) return violation('11 once', 'one request was done twice')
  }
  for (const [record, row] of rows.entries()) {
    const path = paths[row?.path ?? record] ?? null
    for (const { version, value } of row?.kept ?? []) {
      const found = path?.versions.find(one => one.version === version)
      if (found?.usable !== true || path?.removing === true) return violation('2 pointer', `record ${record} keeps version ${version}, which is gone`)
      if (found.value !== value) return violation('1 acknowledged', `record ${record} has another value than ${nameOf(system, value)} wrote`)
    }
    if (row === null || path === null) continue
    const current = path.versions.find(({ version }) => version === path.current)
    const flavour = flavourAt(system, row.path)
    if (flavour.current === 'on_promote') {
      if (current === undefined || !isCommitted(state, current.value)) {
        return violation('8 outsiders', `outsiders are given a version of record ${record} that is not committed`)
      }
      if (!current.usable) return violation('8 outsiders', `outsiders find nothing at record ${record}: the version with the label is destroyed`)
    }
    const foreign = path.versions.find(({ token }) => token === OUTSIDER)
    if (foreign?.usable === false && flavour.versionProof === 'token') return violation('9 foreign', 'upkeep destroyed a version of somebody else')
  }
  for (const { copy, late, path, version } of state.tasks) {
    const isThere = paths[path]?.removing === false && paths[path].versions.some(one => one.version === version && one.usable)
    if (copy && late && !isThere) return violation('2 pointer', `the old copy at path ${path} is gone before it is due`)
  }
  if ((state.committed & state.undone) !== 0) return violation('7 whole', 'an operation is done and undone by the audit trail')
  return undefined
}

function quiet(system: System, state: State): Violation | undefined {
  const { keep } = system
  for (const [record, path] of state.paths.entries()) {
    const row = rowAt(state, record)
    if (path === null || isForeign(state, record) || state.tasks.some(task => task.path === record && isKeptCopy(system, state, task))) continue
    if (row === undefined) return violation('3 orphans', `path ${record} is left, and no record names it`)
    const stray = path.versions.find(one => one.usable && one.token !== OUTSIDER && !row.kept.some(({ version }) => version === one.version))
    if (stray !== undefined) return violation('3 orphans', `version ${stray.version} at path ${record} is left, and no record keeps it`)
    if (row.kept.length > keep) return violation('3 orphans', `record ${record} keeps more versions than it may`)
    if (flavourAt(system, record).current === 'on_promote' && path.current !== row.kept[0]?.version) {
      return violation(
        '8 outsiders',
        `outsiders are given version ${path.current} of record ${record} for ever, the pointer is ${row.kept[0]?.version}`,
      )
    }
  }
  return undefined
}

/** The same request was done by another operation, whose answer it was given. */
function isAnswered({ roles }: System, state: State, index: number): boolean {
  const role = roles[index]
  if (role === undefined || !('request' in role)) return false
  return roles.some((other, at) => 'request' in other && other.request === role.request && at !== index && isCommitted(state, at))
}
