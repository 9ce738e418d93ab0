import type { Permissions } from './permissions.ts'
import type { Seen, SeenOperations } from './probe.ts'
import type { Operation } from './report.ts'

/** Permissions that an operation was refused without. `certain`: all of them; otherwise at least one. */
export interface Missing {
  readonly names: readonly string[]
  readonly certain: boolean
}

/**
 * Which permissions explain what was denied: those that the backend names, or those that nothing else that was allowed has shown to be
 * there. Of several, the one that explains another denial too.
 */
export function missingOf(seen: SeenOperations, { needs }: Permissions): ReadonlyMap<Operation, Missing> {
  const shown = new Set([...seen].flatMap(([operation, { outcome }]) => (outcome === 'allowed' ? allOf(needs[operation]) : [])))
  const denied = [...seen].filter(([, { outcome }]) => outcome === 'denied')
  const candidates = new Map(denied.map(([operation, one]) => [operation, candidatesOf(one, needs[operation], shown)]))
  const certain = new Set([...candidates.values()].flatMap(names => (names.length === 1 ? names : [])))
  return new Map(
    [...candidates].map(([operation, names]) => {
      const explained = names.filter(name => certain.has(name))
      return [operation, explained.length > 0 ? { names: explained, certain: true } : { names, certain: names.length === 1 }] as const
    }),
  )
}

function candidatesOf({ attempt }: Seen, needs: Permissions['needs'][Operation], shown: ReadonlySet<string>): readonly string[] {
  if (attempt === undefined || attempt.ok || needs === undefined) return []
  const asked = attempt.failure.effect === 'unknown' ? (needs.after ?? needs.before) : needs.before
  const said = messageOf(attempt.raw)
  // Only names of the table come out, whatever is in the message.
  const named = asked.filter(name => said.includes(name))
  if (named.length > 0) return named
  const rest = asked.filter(name => !shown.has(name))
  return rest.length > 0 ? rest : asked
}

function allOf(needs: Permissions['needs'][Operation]): readonly string[] {
  return needs === undefined ? [] : [...needs.before, ...(needs.after ?? [])]
}

function messageOf(raw: unknown): string {
  const { message } = (raw ?? {}) as { readonly message?: unknown }
  return typeof message === 'string' ? message : ''
}
