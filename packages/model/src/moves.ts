import { land, newestOf } from './cloud.ts'
import {
  abandon,
  beginCreate,
  beginUpdate,
  claimTask,
  commit,
  commitDelete,
  DEAD,
  describe,
  draft,
  intentOf,
  rollback,
  UNCLAIMED,
} from './database.ts'
import { migratorMoves } from './migrate-moves.ts'
import { OUTSIDER, replaced, without, type Message, type Process, type State, type Task } from './state.ts'
import { ended, partOf, sayPart, sayTask, spent, Steps, type Move } from './steps.ts'
import { drifts, flavourAt, isCommitted, isForeign, isNamed, isWrite, nameOf, valueOf, type Role, type System } from './system.ts'
import { firstStep, jobMoves, recoverStep } from './upkeep-moves.ts'

const ROUNDS = 3

/** Every step that may come next: of a process, of a request on its way, of the clock. */
export function moves(system: System, state: State): readonly Move[] {
  const out: Move[] = []
  const writers = system.roles.filter(isWrite).length
  for (const [index, process] of state.processes.entries()) {
    const role = system.roles[index]
    if (role === undefined || (process.step === 'end' && process.job === undefined)) continue
    const at = new Steps(system, state, index, process, out)
    if (process.job !== undefined) jobMoves(at, process.job)
    else roleMoves(at, role)
    // It has waited for a write that has ended since.
    const waitsStill = process.step === 'begin' || (role.does === 'rollback' && process.step === 'look')
    const mayGiveUp = waitsStill && process.job === undefined && writers > 1 && isWrite(role) && !isCommitted(state, index)
    if (mayGiveUp) at.goes('gives up: conflict', ended(role.does === 'migrate' ? 'busy' : 'failed'))
    at.dies()
  }
  lateMoves(system, state, out)
  timeMoves(system, state, out)
  return out
}

function roleMoves(at: Steps, role: Role): void {
  switch (role.does) {
    case 'create':
    case 'update':
    case 'repair':
      return writerMoves(at, role)
    case 'describe':
    case 'delete':
    case 'rollback':
      return changeMoves(at, role)
    case 'migrate':
      return migratorMoves(at, role)
    case 'maintain':
      return maintainerMoves(at)
    case 'read':
      return readerMoves(at, role)
    case 'outsider':
      return outsiderMoves(at, role)
    case 'sweep':
      return sweepMoves(at)
  }
}

/** Waits while another's intent is held, and settles it first once its lease is over. */
function waits(at: Steps, answer: 'busy' | 'expired', intent: ReturnType<typeof intentOf>): void {
  if (answer === 'busy') return // until that one has ended, or its own deadline
  // Its own, from a begin without an answer: the deadline has passed long before the lease did.
  if (at.process.lease === false) return at.goes('has waited past its deadline: conflict', ended('failed'))
  if (intent === undefined) return
  const { state, job } = recoverStep(at.system, at.state, intent)
  at.transacts(`finds the expired intent of ${nameOf(at.system, intent.op)} and claims it`, state, { ...at.process, job })
}

type Writer = Extract<Role, { does: 'create' | 'update' | 'repair' }>

function writerMoves(at: Steps, role: Writer): void {
  const { state, process, index: op, system } = at
  const { record } = role
  const { path: place = record } = process
  const isCreate = role.does === 'create'
  const call = isCreate ? 'Create' : 'Update'
  switch (process.step) {
    case 'begin': {
      if (role.does === 'repair' && process.base === undefined) return looksForDrift(at, record)
      const request = role.does === 'repair' ? undefined : role.request
      const row = state.rows[record]
      if (
        role.does === 'repair' &&
        row?.revision !== process.round &&
        intentOf(state, op) === undefined &&
        !at.off('a repair holds the record as it saw it')
      ) {
        return at.goes('beginUpdate: the record has changed since: conflict', ended('failed'))
      }
      const begun = isCreate ? beginCreate(system, state, op, record, request) : beginUpdate(system, state, op, record, request)
      const { answer, intent } = begun
      if (answer === 'busy' || answer === 'expired') return waits(at, answer, intent)
      if (answer === 'answered') return at.goes(`begin${call}: the same request was answered before: ok`, ended('ok'))
      const refused = `begin${call}: ${answer === 'missing' ? 'not_found' : 'already_exists'}`
      // After a begin without an answer a refusal says nothing of that one.
      if (answer !== 'begun' && process.lease !== undefined) return at.goes(refused, ended('unknown'))
      if (answer === 'missing') return at.goes(refused, ended('failed'))
      if (answer !== 'begun') return at.goes(refused, ended('exists'))
      const { base = 0, path = record } = intent ?? {}
      const first = role.does === 'repair' ? 'value' : 'put'
      // Measured from before the first call, however often it had to be asked.
      const lease = process.lease !== false || at.off('the lease counts from the first begin')
      const put: Process = { step: first, lease, path, base, after: base, value: op, version: process.base ?? 0, uncertain: false, round: 1 }
      if (lease) at.goes(`begin${call}, and is answered when its lease is over`, { ...put, lease: false }, begun.state)
      return at.transacts(`begin${call}`, begun.state, put, { ...process, lease })
    }
    case 'value': {
      const found = state.paths[place]?.versions.find(({ version, usable }) => version === process.version && usable)
      if (found === undefined) return at.goes('does not find the committed version', failed(process))
      return at.goes(`reads version ${found.version}`, { ...process, step: 'put', value: found.value })
    }
    case 'put':
    case 'put2':
      return putMoves(at, role)
    case 'look': {
      const found = state.paths[place]?.versions.find(({ token, usable }) => token === op && usable)
      if (found !== undefined)
        return at.goes(`lists, and finds version ${found.version} with its token`, { ...process, step: 'commit', version: found.version })
      return at.goes('lists, and does not find its token', { ...process, step: 'put' })
    }
    case 'newest': {
      const path = state.paths[place] ?? null
      if (path === null || path.removing) return at.goes('lists: not_found', failed(process))
      return at.goes(`lists: the newest is ${newestOf(path)}`, { ...process, step: 'put', after: newestOf(path), round: (process.round ?? 1) + 1 })
    }
    case 'commit':
      return commitMoves(at, role)
    case 'clean': {
      const { version = 0 } = process
      return at.sends(
        'removes what it wrote',
        isCreate ? { sends: 'purge', path: record } : { sends: 'destroy', path: place, version },
        () => ended('unknown'),
        [],
      )
    }
    case 'undo': {
      const watch = draft('watch', place, { token: op })
      const enqueue = process.refused === true ? [watch, { ...watch, late: true }] : []
      return at.transacts('abandon', abandon(state, op, enqueue).state, ended('failed'))
    }
    case 'back':
    case 'end':
    case 'idle':
    case 'old':
    case 'old tasks':
    case 'old value':
    case 'read':
    case 'read again':
    case 'return':
    case 'source':
    case 'start':
    case 'there':
      return
  }
}

function looksForDrift(at: Steps, record: number): void {
  const row = at.state.rows[record]
  if (row === null || row === undefined || !drifts(at.system, at.state, record)) return
  at.goes('finds that outsiders are not given the committed version', { step: 'begin', base: row.kept[0]?.version ?? 0, round: row.revision })
}

/** A put failed for certain: the intent is taken back. Otherwise it stays, and the caller is told that nobody knows. */
function failed(process: Process, certain = process.uncertain !== true): Process {
  return certain ? { ...process, step: 'undo' } : ended('unknown')
}

function putMoves(at: Steps, { does, record }: Writer): void {
  const { process, index: op, system } = at
  const { value = op, after = 0, round = 1, path = record } = process
  const flavour = flavourAt(system, path)
  const isSecond = process.step === 'put2'
  if (process.lease !== true && !isSecond && !at.off('a writer sends only inside its lease'))
    return at.goes('does not send: its lease is over', failed(process))
  const again: Process = { ...process, uncertain: true }
  const byToken = flavour.versionProof === 'token'
  if (does === 'create') {
    const part = partOf(flavour, { isSecond, isNew: process.uncertain !== true })
    const sent = `create${sayPart(part)}`
    // A create is repeated only where its token makes the repeat answer the first one's version.
    const unanswered = [at.off('a put without an answer is no failure') ? failed(again, true) : ended('unknown'), ...(byToken ? [again] : [])]
    const message = { sends: 'create', path: record, token: op, value, part } as const
    return at.sends(
      sent,
      message,
      (answer, version) => {
        if (answer !== 'done') return process.uncertain === true || isSecond ? ended('unknown') : ended('taken')
        return part === 1 ? { ...process, step: 'put2' } : { ...process, step: 'commit', version }
      },
      unanswered,
    )
  }
  const next: Process = { ...again, step: byToken ? 'look' : 'put' }
  const unanswered = [at.off('a put without an answer is no failure') ? failed(again, true) : ended('unknown'), next]
  at.sends(
    `append${flavour.appendAfter === 'compared' ? ` after ${after}` : ''}`,
    { sends: 'append', path, token: op, value, after },
    (answer, version) => {
      if (answer === 'done') return { ...process, step: 'commit', version }
      if (answer === 'refused' && round < (system.rounds ?? ROUNDS)) return { ...process, step: 'newest' }
      return failed(process, process.uncertain !== true || at.off('a refusal after a put without an answer is no failure'))
    },
    unanswered,
  )
}

function commitMoves(at: Steps, { does, record }: Writer): void {
  const { state, process, index: op, system } = at
  const { version = 0, base = 0, path = record } = process
  const value = valueOf(system, state, op, record)
  const { current } = flavourAt(system, path)
  const kind = does === 'create' ? 'create' : 'update'
  const watch: Task = draft('watch', path, { token: op, late: true })
  const promote = draft('promote', path, { version, claim: at.off('an update queues its promote') ? DEAD : op })
  const promotes = kind === 'update' && current === 'on_promote' && !at.off('an update queues its promote')
  const watches = process.uncertain === true && !at.off('a put that may land twice is watched')
  const enqueue = [...(promotes ? [promote] : []), ...(watches ? [watch] : [])]
  const { state: next, answer } = commit(system, state, kind, { op, record, path, version, value, enqueue, base })
  const says = `commit${kind === 'create' ? 'Create' : 'Update'} of version ${version}: ${answer}`
  if (answer === 'committed') {
    // The promote is tried at once, from the version that should hold the label; not by who was answered a second time.
    const isClaimed = promotes && next !== state
    const job = { step: 'promote', task: promote, holder: base, found: version } as const
    const unanswered: Process = at.off('a writer never deletes from the cloud') ? { ...process, step: 'clean' } : process
    return at.transacts(says, next, isClaimed ? { step: 'end', end: 'ok', job } : ended('ok'), unanswered)
  }
  if (answer === 'refused') return at.transacts(says, next, { ...process, step: 'undo', refused: true })
  return at.transacts(says, next, ended('failed'))
}

function changeMoves(at: Steps, role: Extract<Role, { does: 'describe' | 'delete' | 'rollback' }>): void {
  const { state, index: op, system, process } = at
  const { record, does } = role
  if (does === 'rollback' && process.step === 'begin') return looksBack(at, role)
  if (process.step !== (does === 'rollback' ? 'look' : 'begin')) return
  const changed =
    does === 'describe'
      ? describe(system, state, op, record)
      : does === 'delete'
        ? commitDelete(system, state, op, record)
        : rollback(system, state, op, record, role.to)
  const { answer, intent } = changed
  const call = { describe: 'updateDescription', delete: 'commitDelete', rollback: 'commitRollback' }[does]
  if (answer === 'busy' || answer === 'expired') return waits(at, answer, intent)
  // After one without an answer a refusal says nothing of that one.
  const again: Process = { ...process, uncertain: true }
  if (answer === 'missing') return at.goes(`${call}: not_found`, ended(process.uncertain === true ? 'unknown' : 'failed'))
  const task = changed.state.tasks.find(one => one.claim === op)
  if (task === undefined) return at.transacts(call, changed.state, ended('ok'), again)
  const holder = process.after ?? 0
  const job = task.task === 'purge' ? ({ step: 'purge', task } as const) : ({ step: 'promote', task, holder, found: task.version } as const)
  return at.transacts(call, changed.state, { step: 'end', end: 'ok', job }, again)
}

/** Before a rollback: whether its version is kept, and who holds the label. */
function looksBack(at: Steps, { record, to }: Extract<Role, { does: 'rollback' }>): void {
  const row = at.state.rows[record] ?? null
  const isKept = row?.kept.some(({ version }) => version === to) === true || at.off('a rollback is to what is kept')
  if (row === null || !isKept) return at.goes(`finds ${row === null ? 'no record' : 'that the record does not keep its version'}`, ended('failed'))
  const holder = at.state.paths[row.path]?.current ?? 0
  at.goes(`lists: the label is at version ${holder}`, { step: 'look', after: holder })
}

function maintainerMoves(at: Steps): void {
  const { state, system, process, index } = at
  for (const intent of state.intents) {
    if (intent.held && !at.off('recovery waits for the lease')) continue
    const { state: claimed, job } = recoverStep(system, state, intent)
    at.transacts(`claims the intent of ${nameOf(system, intent.op)}`, claimed, { ...process, job })
  }
  for (const task of state.tasks) {
    if (task.claim !== UNCLAIMED || !isDue(system, state, task)) continue
    const { state: next, answer } = claimTask(system, state, task, index)
    const says = sayTask(system, task)
    if (answer === 'dropped') at.transacts(`drops the task to ${says}: the record keeps it`, next, process)
    if (answer === 'claimed') {
      at.transacts(`claims the task to ${says}`, next, { step: 'idle', job: { step: firstStep(system, task), task } })
    }
  }
}

/** Lists a page, then asks the database, which queues the removal in one transaction. */
function sweepMoves(at: Steps): void {
  const { state, process } = at
  if (process.step === 'idle') {
    if (at.off('an orphan is looked for')) return
    for (const [path, found] of state.paths.entries()) {
      if (found === null || (isForeign(state, path) && !at.off('an orphan has the registry’s labels'))) continue
      if (!isNamed(state, path)) at.goes(`lists path ${path}, which nobody names`, { step: 'read', after: path })
    }
    return
  }
  const path = process.after ?? 0
  const isFree = !isNamed(state, path)
  if (!isFree) return at.goes(`queueRepair of path ${path}: somebody names it`, { step: 'idle' })
  const tasks = [...state.tasks, draft('purge', path)]
  at.transacts(`queueRepair: the purge of path ${path}`, { ...state, tasks }, { step: 'idle' })
}

/** A watch is due when no put of its token can land any more; an old copy that is kept, once its record is gone. */
function isDue({ off, overdue }: System, state: State, task: Task): boolean {
  if (task.copy) return !task.late
  if (!task.late || overdue === true || off.has('a watch waits until nothing can land')) return true
  // Whoever resumes a copy may claim it just before a slow recovery gives it up, and sends in a lease that is shorter than the watch's delay.
  const mayBeSent = state.processes.some(({ resumed, lease, token }) => resumed === true && lease === true && token === task.token)
  return !mayBeSent && !state.flying.some(message => 'token' in message && message.token === task.token)
}

function readerMoves(at: Steps, { record }: { readonly record: number }): void {
  const { state, process } = at
  const row = state.rows[record] ?? null
  const pointer = row?.kept[0]
  if (process.step === 'begin' || process.step === 'read again') {
    if (pointer === undefined) return at.goes('finds no record', ended('failed'))
    if (process.step === 'read again' && pointer.version === process.version && row?.path === process.path)
      return at.goes('finds the pointer as it was', ended('lost'))
    return at.goes(`finds the pointer at version ${pointer.version}`, {
      step: 'read',
      path: row?.path ?? record,
      version: pointer.version,
      value: pointer.value,
      round: (process.round ?? 0) + 1,
    })
  }
  const path = state.paths[process.path ?? record] ?? null
  const wanted = at.off('a read is of the pointer’s version') ? path?.current : process.version
  const found = path?.removing === true ? undefined : path?.versions.find(({ version, usable }) => version === wanted && usable)
  if (found === undefined) {
    const again = process.round === 1 && !at.off('a read that misses looks at the pointer again')
    return at.goes(`does not find version ${wanted}`, again ? { ...process, step: 'read again' } : ended(pointer === undefined ? 'failed' : 'lost'))
  }
  return at.goes(`reads version ${wanted}`, ended(found.value === process.value ? 'ok' : 'wrong'))
}

/** Writes to the path of a record by the backend's own client. */
function outsiderMoves(at: Steps, { record }: { readonly record: number }): void {
  const path = at.state.paths[record] ?? null
  if (path === null) return at.goes('finds nothing', ended('failed'))
  const message: Message = { sends: 'append', path: record, token: OUTSIDER, value: OUTSIDER, after: newestOf(path) }
  const { state } = land(at.system, at.state, message)
  at.goes('writes a version of its own', ended('ok'), state)
}

function lateMoves(system: System, state: State, out: Move[]): void {
  for (const message of state.flying) {
    const flying = without(state.flying, message)
    const { state: landed, answer, version } = land(system, { ...state, flying }, message)
    const whose = 'token' in message ? ` of ${nameOf(system, message.token)}` : ''
    const says = `${message.sends}${whose} at path ${message.path}`
    out.push({ says: `late: ${says}: ${answer}${version === 0 ? '' : `, version ${version}`}`, next: landed })
    out.push({ says: `late: ${says} is lost`, next: { ...state, flying } })
  }
}

function timeMoves(system: System, state: State, out: Move[]): void {
  for (const intent of state.intents) {
    if (!intent.held) continue
    const intents = replaced(state.intents, state.intents.indexOf(intent), { ...intent, held: false })
    const over = state.processes.map((writer, index) =>
      writer.lease === true && (writer.token ?? index) === intent.op ? { ...writer, lease: false } : writer,
    )
    out.push({ says: `time: the lease of ${nameOf(system, intent.op)} is over`, next: { ...state, intents, processes: over } })
  }
  for (const [index, process] of state.processes.entries()) {
    if (process.lease !== true || intentOf(state, process.token ?? index) !== undefined) continue
    out.push({
      says: `time: ${nameOf(system, index)} sees its lease over`,
      next: { ...state, processes: replaced(state.processes, index, { ...process, lease: false }) },
    })
  }
  for (const task of state.tasks) {
    if (task.claim === UNCLAIMED) continue
    const isWorkedOn = state.processes[task.claim]?.job?.task !== undefined
    const budget = isWorkedOn ? spent(state.budget, 'stalls') : state.budget
    if (budget === undefined) continue
    const tasks = [...without(state.tasks, task), { ...task, claim: UNCLAIMED }]
    out.push({ says: `time: the claim on the task to ${sayTask(system, task)} runs out`, next: { ...state, tasks, budget } })
  }
}
