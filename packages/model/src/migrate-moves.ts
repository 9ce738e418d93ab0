import { land } from './cloud.ts'
import { abandon, beginMigrate, commitMigrate, commitReturn, draft } from './database.ts'
import { GARBLED, type Message, type Process, type State, type Task } from './state.ts'
import { ended, partOf, sayPart, spent, type Steps } from './steps.ts'
import { flavourAt, nameOf, newPathOf, storeAt, type Role } from './system.ts'
import { claimedBy, recoverStep } from './upkeep-moves.ts'

type Migrator = Extract<Role, { does: 'migrate' }>

/** One try to move a record, as `Mover` in core: what ends as `busy` would be tried again later. */
export function migratorMoves(at: Steps, role: Migrator): void {
  const { state, process, system, index } = at
  const { record, to } = role
  const { source = 0, base = 0, value = 0, old = 0, oldVersion = 0, path = 0, version = 0, token = index } = process
  switch (process.step) {
    case 'begin': {
      const row = state.rows[record] ?? null
      if (row === null) return at.goes('finds no record', ended('busy'))
      if (storeAt(system, row.path) === to) return // until another migration has moved it
      const copy = state.tasks.find(task => task.copy && storeAt(system, task.path) === to)
      const pointer = { source: row.path, base: row.kept[0]?.version ?? 0 }
      const says = `finds the record at path ${pointer.source}, version ${pointer.base}`
      if (copy === undefined) return at.goes(says, { step: 'source', ...pointer })
      return at.goes(`${says}, its old copy at path ${copy.path}`, { step: 'source', ...pointer, old: copy.path, oldVersion: copy.version })
    }
    case 'source': {
      const found = readable(state, source, base)
      if (found === undefined) return at.goes(`does not find version ${base} at path ${source}`, ended('busy'))
      return at.goes(`reads version ${base} at path ${source}`, {
        ...process,
        step: process.old === undefined ? 'start' : 'old tasks',
        value: found.value,
      })
    }
    case 'old tasks': {
      const isAlone = state.tasks.filter(task => task.path === old).length === 1 || at.off('a return is to a path with no other task')
      return at.goes(`finds ${isAlone ? 'no' : 'a'} task beside the purge of the old copy`, { ...process, step: isAlone ? 'old' : 'start' })
    }
    case 'old': {
      const { versions = [], current } = state.paths[old] ?? {}
      const isCurrent = current === oldVersion || at.off('a return is to what is current')
      const isAlone = versions.every(one => one.version === oldVersion || !one.usable) || at.off('a return is to a path with nothing beside the copy')
      const isGood = readable(state, old, oldVersion) !== undefined && isCurrent && isAlone
      return at.goes(`lists the old copy: it is ${isGood ? '' : 'not '}as it was`, { ...process, step: isGood ? 'old value' : 'start' })
    }
    case 'old value': {
      const found = readable(state, old, oldVersion)
      if (found === undefined) return at.goes('does not find the old copy', { ...process, step: 'start' })
      const isSame = found.value === value || at.off('a return compares the values')
      return at.goes(`reads the old copy: ${isSame ? 'the same' : 'another value'}`, { ...process, step: isSame ? 'return' : 'start' })
    }
    case 'return': {
      const places = { from: { path: source, version: base }, to: { path: old, version: oldVersion } }
      const { state: next, answer } = commitReturn(system, state, { op: index, record, ...places, enqueue: left(at, source, base) })
      return at.transacts(`commitReturn to path ${old}: ${answer}`, next, ended(answer === 'done' ? 'ok' : 'busy'))
    }
    case 'start':
      return beginMoves(at, role)
    case 'there': {
      const found = state.paths[path]?.versions.findLast(({ usable }) => usable)
      if (found === undefined) return at.goes(`lists path ${path}: nothing is there`, { ...process, step: 'put' })
      return at.goes(`lists path ${path}: version ${found.version} is there`, { ...process, step: 'back', version: found.version })
    }
    case 'put':
    case 'put2':
      return putMoves(at)
    case 'back': {
      const found = readable(state, path, version)
      if (at.off('a copy is read back')) return at.goes('does not read back', { ...process, step: 'commit' })
      const given = givenUp(at, [purge(at, path), watch(at, path, token)])
      const unanswered = spent(state.budget, 'timeouts')
      if (unanswered !== undefined) at.goes(`reads back version ${version}, and gets no answer`, given, { ...state, budget: unanswered })
      if (found === undefined) return at.goes(`reads back version ${version}: not_found`, given)
      if (found.value !== value) return at.goes(`reads back version ${version}: another value`, given)
      return at.goes(`reads back version ${version}: the same`, { ...process, step: 'commit' })
    }
    case 'commit': {
      const places = { from: { path: source, version: base }, to: { path, version } }
      const watches = process.uncertain === true || (process.resumed === true && !at.off('a resumed copy is watched'))
      const watched = watches ? watch(at, path, token) : []
      const enqueue = [...left(at, source, base), ...watched]
      const { state: next, answer } = commitMigrate(system, state, { op: token, record, ...places, enqueue })
      const says = `commitMigrate of version ${version} at path ${path}: ${answer}`
      if (answer === 'committed') return at.transacts(says, next, { ...ended('ok'), token })
      if (answer === 'undone') return at.transacts(says, next, ended('busy'))
      return at.transacts(says, next, givenUp(at, [purge(at, path), watched]))
    }
    case 'undo': {
      const isEmpty =
        process.uncertain === false && (process.lease === true || at.off('a migration that has put nothing purges once its lease is over'))
      return at.transacts('abandon', abandon(state, token, isEmpty ? [] : (process.enqueue ?? [])).state, ended('busy'))
    }
    case 'clean':
    case 'end':
    case 'idle':
    case 'look':
    case 'newest':
    case 'read':
    case 'read again':
    case 'value':
      return
  }
}

function beginMoves(at: Steps, { record, to }: Migrator): void {
  const { state, process, system, index } = at
  const { source = 0, base = 0, value = 0, lease = true } = process
  // Begun again it would be another intent at a path that is about to be purged.
  if (!lease && !at.off('a migration begins again only inside its lease')) return at.goes('does not begin again: its lease is over', ended('busy'))
  const begun = beginMigrate(system, state, index, record, { path: source, version: base }, newPathOf(system, index))
  const { answer, intent } = begun
  if (intent === undefined) return at.goes(`beginMigrate: ${answer}`, ended('busy'))
  const copying = { source, base, value, path: intent.path, token: intent.op, uncertain: false }
  if (answer === 'begun') {
    const put: Process = { step: 'put', ...copying, lease }
    if (lease) at.goes('beginMigrate, and is answered when its lease is over', { ...put, lease: false }, begun.state)
    return at.transacts('beginMigrate', begun.state, put, { ...process, lease })
  }
  if (answer !== 'expired') return at.goes(`beginMigrate: ${answer}`, ended('busy'))
  const says = `finds the expired intent of ${nameOf(system, intent.op)} and claims it`
  const isSame = intent.base === base || at.off('a migration is resumed with the same version')
  if (intent.kind === 'migrate' && storeAt(system, intent.path) === to && isSame) {
    const { intents } = claimedBy(state, intent)
    return at.transacts(says, { ...state, intents }, { step: 'there', ...copying, lease: true, resumed: true })
  }
  const { state: claimed, job } = recoverStep(system, state, intent)
  return at.transacts(says, claimed, { ...ended('busy'), job })
}

function putMoves(at: Steps): void {
  const { state, process, system } = at
  const { path = 0, value = 0, token = at.index, resumed = false } = process
  const isSecond = process.step === 'put2'
  const flavour = flavourAt(system, path)
  // Whoever has resumed it once its lease is over may have put what this one has not.
  const taken = givenUp(at, [purge(at, path), watch(at, path, token)])
  const empty: Process = resumed ? taken : { ...taken, uncertain: false, lease: process.lease === true }
  const failed = (): Process => (process.uncertain === true ? ended('unknown') : empty)
  if (process.lease !== true && !isSecond && !at.off('a writer sends only inside its lease'))
    return at.goes('does not send: its lease is over', failed())
  const part = partOf(flavour, { isSecond, isNew: process.uncertain !== true && !resumed })
  const says = `create at path ${path}${sayPart(part)}`
  const message: Message = { sends: 'create', path, token, value, part }
  const garbles = spent(state.budget, 'garbles')
  if (garbles !== undefined) {
    const { state: next, answer, version } = land(system, { ...state, budget: garbles }, { ...message, value: GARBLED })
    if (answer === 'done') at.goes(`${says}: done, but not with what it sent`, { ...process, step: 'back', version }, next)
  }
  const again = flavour.versionProof === 'token' ? [{ ...process, uncertain: true }] : []
  at.sends(
    says,
    message,
    (answer, version) => {
      if (answer !== 'done') return isSecond ? ended('unknown') : failed()
      return part === 1 ? { ...process, step: 'put2' } : { ...process, step: 'back', version }
    },
    [ended('unknown'), ...again],
  )
}

function readable(state: State, path: number, version: number): { readonly value: number } | undefined {
  const found = state.paths[path] ?? null
  return found?.removing === false ? found.versions.find(one => one.version === version && one.usable) : undefined
}

/** What becomes of the place that a record leaves. */
function left({ system }: Steps, path: number, version: number): readonly Task[] {
  return system.off.has('a place that is left is purged') ? [] : [draft('purge', path, { version, copy: true, late: system.keepsCopies === true })]
}

function purge(at: Steps, path: number): readonly Task[] {
  return at.off('a copy that is given up is purged') ? [] : [draft('purge', path)]
}

function watch(at: Steps, path: number, token: number): readonly Task[] {
  return at.off('what was undone is watched') ? [] : [draft('watch', path, { token, late: true })]
}

function givenUp({ process }: Steps, enqueue: readonly (readonly Task[])[]): Process {
  const { path, token } = process
  return {
    step: 'undo',
    enqueue: enqueue.flat(),
    ...(path === undefined ? {} : { path }),
    ...(token === undefined ? {} : { token }),
  }
}
