import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessSeen {
  readonly pid: number
  /** In the kernel's ticks since the machine's start: tells it from a later process of the same id. */
  readonly startedAt: string
  readonly args: readonly string[]
}

/** The children of a process, and theirs; those that have ended and only wait to be looked at are left out. */
export function descendantsOf(ancestor: number): readonly ProcessSeen[] {
  const all = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => statusOf(Number(name)) ?? [])
  const found: (ProcessSeen & { readonly parent: number })[] = []
  for (let parents = new Set([ancestor]); parents.size > 0;) {
    const children = all.filter(({ parent }) => parents.has(parent))
    found.push(...children)
    parents = new Set(children.map(({ pid }) => pid))
  }
  return found
}

export function isRunning({ pid, startedAt }: ProcessSeen): boolean {
  return statusOf(pid)?.startedAt === startedAt
}

function statusOf(pid: number): (ProcessSeen & { readonly parent: number }) | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The program's name is in brackets, and may have any character in it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state, parent] = fields
    if (state === 'Z' || state === 'X') return undefined
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return { pid, parent: Number(parent), startedAt: fields[19] ?? '', args }
  } catch {
    return undefined // it ended while it was looked at
  }
}
