import type { Message, Path, State, Version } from './state.ts'
import { replaced } from './state.ts'
import { flavourAt, type Flavour, type System } from './system.ts'

/** What the backend answers to a request; `version` of a put. */
export interface Landed {
  readonly state: State
  readonly answer: 'done' | 'refused' | 'missing' | 'pending'
  readonly version: number
}

/** The effect of a request on its backend, in one step. */
export function land(system: System, state: State, message: Message): Landed {
  const flavour = flavourAt(system, message.path)
  const path = state.paths[message.path] ?? null
  const same: Landed = { state, answer: 'done', version: 0 }
  const changed = (next: Path | null): Landed => ({ ...same, state: { ...state, paths: replaced(state.paths, message.path, next) } })
  const refused: Landed = { ...same, answer: 'refused' }
  const missing: Landed = { ...same, answer: 'missing' }
  switch (message.sends) {
    case 'create': {
      if (path?.removing === true) return refused
      if (message.part === 1) return path === null ? changed({ versions: [], current: 0, removing: false }) : refused
      if (message.part === 3 && path !== null) return appended(flavour, changed, path, message)
      if (message.part === 2) return path === null ? missing : appended(flavour, changed, path, message)
      if (path === null) return { ...appended(flavour, changed, { versions: [], current: 0, removing: false }, message), version: 1 }
      const [first] = path.versions
      if (flavour.versionProof === 'token' && first?.token === message.token) return { ...same, version: first.version }
      return refused
    }
    case 'append': {
      if (path === null || path.removing) return missing
      const mine = flavour.sameToken ? path.versions.find(({ token }) => token === message.token) : undefined
      if (mine !== undefined) return { ...same, version: mine.version }
      if (flavour.appendAfter === 'compared' && newestOf(path) !== message.after) return refused
      return appended(flavour, changed, path, message)
    }
    case 'promote': {
      if (path === null) return missing
      if (message.from !== 0 && path.current !== message.from) return refused
      return changed({ ...path, current: message.version })
    }
    case 'destroy': {
      if (path === null) return missing
      if (flavour.destroyVersion === 'detached' && path.current === message.version) return refused
      return changed({ ...path, versions: path.versions.map(one => (one.version === message.version ? { ...one, usable: false } : one)) })
    }
    case 'purge': {
      if (path === null) return same
      if (flavour.pending && !path.removing) return { ...changed({ ...path, removing: true }), answer: 'pending' }
      return changed(null)
    }
  }
}

function appended(
  { current }: Flavour,
  changed: (path: Path) => Landed,
  path: Path,
  message: { readonly token: number; readonly value: number; readonly sends: 'create' | 'append' },
): Landed {
  const version = newestOf(path) + 1
  const added: Version = { version, token: message.token, value: message.value, usable: true }
  const isCurrent = message.sends === 'create' || current === 'on_append'
  return { ...changed({ ...path, versions: [...path.versions, added], current: isCurrent ? version : path.current }), version }
}

export function newestOf(path: Path): number {
  return path.versions.at(-1)?.version ?? 0
}
