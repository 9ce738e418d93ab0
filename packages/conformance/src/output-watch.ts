import { Channel } from 'node:diagnostics_channel'
import { inspect } from 'node:util'

/** Channels of the runtime itself: their messages hold sockets and requests, bodies included, for whoever subscribes. */
const OF_THE_RUNTIME = /^(?:tracing:)?(?:undici|http|http2|net|udp|tls|module|worker_threads|child_process|process|console|fs|dns)[.:]/

const CONSOLE_METHODS = ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table'] as const

/** Collects all that is printed or published while the work runs. */
export async function outputOf(work: () => Promise<void>): Promise<string> {
  const collected: string[] = []
  const collect = (...given: readonly unknown[]): void => {
    for (const part of given) collected.push(typeof part === 'string' ? part : inspect(part, { depth: 8, showHidden: true }))
  }
  const restore = [
    overheard(process.stdout, 'write', collect),
    overheard(process.stderr, 'write', collect),
    overheard(process, 'emitWarning', collect),
    ...CONSOLE_METHODS.map(method => overheard(globalThis['console'], method, collect)),
    watchedChannels(collect),
  ]
  try {
    await work()
  } finally {
    for (const undo of restore.toReversed()) undo()
  }
  return collected.join('\n')
}

/** Listens to a method, which does its work all the same: a runner reports by these too. Gives what ends the listening. */
function overheard<Owner extends object>(owner: Owner, method: keyof Owner, collect: (...given: readonly unknown[]) => void): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, method)
  const original = owner[method] as (...given: unknown[]) => unknown
  const listener = function (this: Owner, ...given: unknown[]): unknown {
    collect(...given)
    return original.apply(this, given)
  }
  Object.defineProperty(owner, method, { value: listener, configurable: true, writable: true })
  return () => {
    if (own === undefined) Reflect.deleteProperty(owner, method)
    else Object.defineProperty(owner, method, own)
  }
}

/** Sees what is published on a channel that nobody listens to yet: who publishes does not know who will. */
function watchedChannels(collect: (...given: readonly unknown[]) => void): () => void {
  const original = Object.getOwnPropertyDescriptor(Channel.prototype, 'publish')
  const publish = function (this: Channel, message: unknown): void {
    if (!OF_THE_RUNTIME.test(String(this.name))) collect(message)
  }
  Object.defineProperty(Channel.prototype, 'publish', { value: publish, configurable: true, writable: true })
  return () => {
    if (original !== undefined) Object.defineProperty(Channel.prototype, 'publish', original)
  }
}
