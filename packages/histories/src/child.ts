// A process with clients. It is told what to do over the channel that its parent made.
import { flushCompileCache } from 'node:module'
import { play } from './clients.ts'
import { nanosecondsSince } from './clock.ts'
import type { ToParent, ToProcess } from './messages.ts'
import { Requests } from './requests.ts'
import { Worker } from './worker.ts'

let workers: readonly Worker[] = []
let origin = '0'
let requests = new Requests()

process.on('message', (message: ToProcess) => {
  void take(message).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`, () => process.exit(1))
  })
})
process.on('disconnect', () => process.exit(0))

async function take(message: ToProcess): Promise<void> {
  if (message.type === 'open') {
    ;({ origin } = message)
    const { work } = message
    workers = await Promise.all(Array.from({ length: message.workers }, () => Worker.open(work)))
    flushCompileCache() // now, since a process that is killed leaves none
    await tell({ type: 'opened', now: nanosecondsSince(origin) })
  } else if (message.type === 'asked') {
    requests.learn(message.asked)
  } else {
    requests = new Requests()
    await play(workers, message.part, { origin, requests, tell })
    await tell({ type: 'played' })
  }
}

/** Resolves when the parent is sure to get it, even if this process is killed the next moment. */
function tell(message: ToParent): Promise<void> {
  return new Promise((resolve, reject) => process.send?.(message, (error: Error | null) => (error === null ? resolve() : reject(error))))
}
