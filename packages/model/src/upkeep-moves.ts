import { abandon, commit, draft, rowAt, settle, UNCLAIMED } from './database.ts'
import { replaced, type Intent, type Job, type Process, type State, type Task } from './state.ts'
import { sayTask, type Steps } from './steps.ts'
import { flavourAt, nameOf, valueOf, type System } from './system.ts'

/** Recovery claims an expired intent: a new lease, and what comes next with it. */
export function recoverStep(system: System, state: State, intent: Intent): { readonly state: State; readonly job: Job } {
  const { off } = system
  const { intents, claimed } = claimedBy(state, intent)
  const guesses = off.has('recovery finishes only what it can prove')
  const looks = intent.kind === 'update' && (flavourAt(system, intent.path).versionProof === 'token' || guesses)
  const first = off.has('recovery deletes the intent before it calls the cloud') && intent.kind !== 'update'
  const step = looks ? 'find' : first ? 'purgeFirst' : 'undo'
  return { state: { ...state, intents }, job: { step, intent: claimed } }
}

/** Whoever claims an expired intent has its lease. */
export function claimedBy(state: State, intent: Intent): { readonly intents: readonly Intent[]; readonly claimed: Intent } {
  const claimed: Intent = { ...intent, held: true, recovered: true }
  return { intents: replaced(state.intents, state.intents.indexOf(intent), claimed), claimed }
}

/** The steps of recovery and of the queue, whoever takes them. */
export function jobMoves(at: Steps, job: Job): void {
  if (job.intent !== undefined) recoveryMoves(at, job, job.intent)
  else if (job.step === 'settle') settleMoves(at, job)
  else if (job.task !== undefined) taskMoves(at, job, job.task)
}

function withJob({ process }: Steps, job: Job | undefined): Process {
  const { job: _, ...rest } = process
  return job === undefined ? rest : { ...rest, job }
}

function recoveryMoves(at: Steps, job: Job, intent: Intent): void {
  const { state, system } = at
  const { op, record, path, kind } = intent
  const watches = !at.off('what was undone is watched')
  const watch = watches ? [draft('watch', path, { token: op, late: true })] : []
  const whose = `of ${nameOf(system, op)}`
  switch (job.step) {
    case 'find': {
      const after = (state.paths[path]?.versions ?? []).filter(({ version }) => version > intent.base)
      const guesses = at.off('recovery finishes only what it can prove')
      const found = after.find(({ token, usable }) => usable && (token === op || guesses))
      if (found === undefined) return at.goes(`lists for recovery ${whose}: not there`, withJob(at, { ...job, step: 'undo' }))
      return at.goes(`lists for recovery ${whose}: version ${found.version}`, withJob(at, { ...job, step: 'finish', found: found.version }))
    }
    case 'finish': {
      const version = job.found ?? 0
      const isStaged = flavourAt(system, path).current === 'on_promote'
      const promote = isStaged && !at.off('an update queues its promote') ? [draft('promote', path, { version })] : []
      const request = { op, record, path, version, value: valueOf(system, state, op, record), enqueue: [...promote, ...watch] }
      const { state: next, answer } = commit(system, state, 'update', request)
      const says = `commitUpdate for recovery ${whose}: ${answer}`
      if (answer === 'refused') return at.transacts(says, next, withJob(at, { ...job, step: 'undo' }))
      return at.transacts(says, next, withJob(at, undefined))
    }
    case 'undo': {
      const rule = kind === 'create' ? 'an unfinished create is purged' : 'an unfinished migration is purged'
      const purge = kind !== 'update' && !at.off(rule) ? [draft('purge', path)] : []
      return at.transacts(`abandon for recovery ${whose}`, abandon(state, op, [...purge, ...watch]).state, withJob(at, undefined))
    }
    case 'purgeFirst': {
      const next = withJob(at, { ...job, step: 'undo' })
      return at.sends(`purges path ${path} for recovery ${whose}`, { sends: 'purge', path }, () => next, [next])
    }
    case 'list':
    case 'owners':
    case 'promote':
    case 'destroy':
    case 'purge':
    case 'settle':
      return
  }
}

/** Where a task begins. Where the label is, is looked up before a destruction, unless the backend refuses by itself to destroy its holder. */
export function firstStep(system: System, { task, path }: Task): Job['step'] {
  const { off } = system
  if (task === 'promote' || task === 'watch') return 'list'
  const flavour = flavourAt(system, path)
  const looks = flavour.current === 'on_promote' && flavour.destroyVersion !== 'detached' && !off.has('a destruction waits for the label')
  return task === 'destroy' && looks ? 'list' : task
}

function taskMoves(at: Steps, job: Job, task: Task): void {
  const { state } = at
  const { path } = task
  const done = withJob(at, { step: 'settle', task, outcome: 'done' })
  const retry = withJob(at, { step: 'settle', task, outcome: 'retry' })
  const says = sayTask(at.system, task)
  // By its own clock, which for a writer runs from before its commit. What was sent just before may be at work: the step may be taken too.
  const mayBeOver = at.system.roles[at.index]?.does !== 'maintain' || !isHeld(state, task, at.index)
  if (mayBeOver && ['promote', 'destroy', 'purge'].includes(job.step)) at.goes(`does not ${says}: its claim is over`, retry)
  switch (job.step) {
    case 'list': {
      if (task.task === 'watch' && at.off('a watch lists before it asks') && job.found === undefined) {
        return at.goes(`(to ${says}) asks who owns the path, before it lists`, withJob(at, { ...job, ...owners(state, path) }))
      }
      const listed = state.paths[path]?.versions ?? []
      const holder = state.paths[path]?.current ?? 0
      return at.goes(`lists, to ${says}`, withJob(at, { ...job, step: 'owners', ...(task.task === 'watch' ? { listed } : { holder }) }))
    }
    case 'owners': {
      if (task.task === 'watch') return watchMoves(at, job, task)
      const pointer = rowAt(state, path)?.kept[0]?.version
      if (task.task === 'destroy') {
        const lags = pointer !== undefined && job.holder !== 0 && job.holder !== pointer
        return at.goes(
          `(to ${says}) finds ${lags ? 'that the label is behind the pointer' : 'nothing against it'}`,
          lags ? retry : withJob(at, { step: 'destroy', task }),
        )
      }
      if (pointer === undefined) return at.goes(`(to ${says}) finds no record`, done)
      if (job.holder === 0) return at.goes(`(to ${says}) finds no label`, retry)
      if (job.holder === pointer) {
        return at.goes(`(to ${says}) finds it done`, withJob(at, { step: 'settle', task, outcome: 'done', ifPointer: pointer }))
      }
      return at.goes(`(to ${says}) finds the pointer at version ${pointer}`, withJob(at, { ...job, step: 'promote', found: pointer }))
    }
    case 'promote': {
      const version = job.found ?? 0
      const from = at.off('a promote compares the holder of the label') ? 0 : (job.holder ?? 0)
      const moved = withJob(at, { step: 'settle', task, outcome: 'done', ifPointer: version })
      const message = { sends: 'promote', path, version, from } as const
      return at.sends(`promotes version ${version} from ${from}`, message, answer => (answer === 'done' ? moved : retry), [retry])
    }
    case 'destroy': {
      const message = { sends: 'destroy', path, version: task.version } as const
      return at.sends(`destroys version ${task.version} at path ${path}`, message, answer => (answer === 'refused' ? retry : done), [
        retry,
        at.process,
      ])
    }
    case 'purge':
      return at.sends(`purges path ${path}`, { sends: 'purge', path }, answer => (answer === 'done' ? done : retry), [retry, at.process])
    case 'find':
    case 'finish':
    case 'undo':
    case 'purgeFirst':
    case 'settle':
      return
  }
}

/** Whether the task is still in the process's claim. */
function isHeld({ tasks }: State, { task, path, version, token }: Task, index: number): boolean {
  return tasks.some(one => one.claim === index && one.task === task && one.path === path && one.version === version && one.token === token)
}

/** What `owners` answers, kept for a watch that asks too early. */
function owners(state: State, path: number): Pick<Job, 'found' | 'holder' | 'outcome' | 'enqueue'> {
  const isBusy = state.intents.some(intent => intent.path === path)
  const kept = rowAt(state, path)?.kept ?? []
  const isPurged = state.tasks.some(one => one.task === 'purge' && one.path === path && one.claim === UNCLAIMED)
  return {
    found: isBusy ? 1 : 0,
    holder: kept.length,
    outcome: isPurged ? 'retry' : 'done',
    enqueue: kept.map(({ version }) => draft('destroy', path, { version })),
  }
}

function watchMoves(at: Steps, job: Job, task: Task): void {
  const { state, system } = at
  const { path, token } = task
  const now = job.found === undefined ? owners(state, path) : job
  const says = `(to ${sayTask(system, task)})`
  const settled = (enqueue: readonly Task[]): Process => withJob(at, { step: 'settle', task, outcome: 'done', enqueue })
  if (now.found === 1 && !at.off('a watch waits for the path’s intent')) {
    return at.goes(`${says} finds a write under way`, withJob(at, { step: 'settle', task, outcome: 'retry' }))
  }
  const { listed = [] } = job
  if (now.holder === 0) {
    const isLeft = now.outcome === 'retry' && !at.off('a watch leaves an old copy to its own purge')
    const nothing = isLeft || (listed.length === 0 && at.off('a watch purges also where it lists nothing'))
    return at.goes(`${says} finds no record`, settled(nothing ? [] : [draft('purge', path)]))
  }
  const kept = (now.enqueue ?? []).map(one => one.version).slice(0, at.off('a watch spares what the record keeps') ? 1 : undefined)
  const byToken = flavourAt(system, path).versionProof === 'token' && !at.off('a watch removes only what has its token')
  const strays = listed.filter(one => one.usable && !kept.includes(one.version) && (!byToken || one.token === token))
  return at.goes(`${says} finds the record at version ${kept[0]}`, settled(strays.map(({ version }) => draft('destroy', path, { version }))))
}

function settleMoves(at: Steps, job: Job): void {
  const { system, state, process, index } = at
  const { task, outcome } = job
  if (task === undefined) return
  const { job: _, ...rest } = process
  at.transacts(`settles the task to ${sayTask(system, task)}: ${outcome === 'done' ? 'done' : 'later'}`, settle(system, state, job, index), rest)
}
