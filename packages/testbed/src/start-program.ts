import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { spawnBound } from './spawn-bound.ts'

const START_MS = 60_000

export interface TestServer {
  readonly url: string
  /** What answers: for reports. */
  readonly where: string
  readonly stop: () => Promise<void>
}

/** Starts a server program and waits until it is healthy. However this process ends, the program ends too. */
export async function startProgram(file: string, args: readonly string[], url: string, health: string, where: string): Promise<TestServer> {
  const child = spawnBound(file, args)
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await Promise.race([gone, delay(3_000, undefined, { ref: false })])
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await gone
    }
  }
  try {
    await healthy(new URL(health, url), where, child)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, where, stop }
}

/** Waits until a server answers at all without a server error. @throws when its program ended, or after a minute */
export async function healthy(url: URL, where: string, child?: ChildProcess): Promise<void> {
  let failed: Error | undefined
  child?.once('error', error => {
    failed = error
  })
  const until = performance.now() + START_MS
  for (;;) {
    if (failed !== undefined) throw failed
    if (typeof child?.exitCode === 'number') throw new Error(`${where} ended with ${child.exitCode}`)
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) })
      await answer.body?.cancel()
      if (answer.status < 500) return
    } catch (error) {
      if (performance.now() > until) throw error
    }
    if (performance.now() > until) throw new Error(`${where} is not healthy after a minute`)
    await delay(50)
  }
}
