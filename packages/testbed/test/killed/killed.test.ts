import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { drongo, missingProgram, moto, openBaoBinary, suiteTitle } from '@strongroom/testbed'
import { afterEach, describe, expect, test } from 'vitest'
import { descendantsOf, isRunning } from './processes.ts'

const GONE_MS = 10_000

/** What must be there for the server, and how many programs are started for it. */
const servers = {
  moto: { missing: missingProgram(moto, 'moto'), programs: 1 },
  drongo: { missing: missingProgram(drongo, 'drongo'), programs: 1 },
  'one-at-a-time': { missing: undefined, programs: 0 },
  openbao: { missing: missingProgram(openBaoBinary, 'OpenBao'), programs: 1 },
  'openbao-tls': { missing: missingProgram(openBaoBinary, 'OpenBao'), programs: 1 },
} as const

let owner: ChildProcess | undefined
afterEach(() => void owner?.kill('SIGKILL'))

describe.skipIf(process.platform !== 'linux')('a server ends when the process that started it is killed', () => {
  for (const [name, { missing, programs }] of Object.entries(servers)) {
    test.skipIf(missing !== undefined)(suiteTitle(name, missing), { timeout: 90_000 }, async () => {
      owner = spawn(process.execPath, ['--conditions=@strongroom/source', join(import.meta.dirname, 'owner.ts'), name], {
        env: { ...process.env, STRONGROOM_OPENBAO: 'process' },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const url = new URL(await firstLine(owner))
      const started = descendantsOf(owner.pid ?? 0)
      const theirs = started.flatMap(({ args }) => portsIn(args))
      const ports = [...new Set([Number(url.port), ...theirs])]
      expect([started.length, theirs.length]).toEqual([programs, programs])
      expect(await Promise.all(ports.map(answers))).not.toContain(false)
      const died = once(owner, 'exit')
      owner.kill('SIGKILL')
      await died

      const until = performance.now() + GONE_MS
      let left = { running: started, open: ports }
      while (left.running.length + left.open.length > 0 && performance.now() < until) {
        await delay(50)
        left = { running: started.filter(isRunning), open: [] as number[] }
        for (const port of ports) if (await answers(port)) left.open.push(port)
      }
      for (const { pid } of left.running) process.kill(pid, 'SIGKILL') // what this test is against, it does not leave itself
      expect(left).toEqual({ running: [], open: [] })
    })
  }
})

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the child has no output')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new Error('the child ended before it told its URL')
}

/** Each server is told its port at the end of an argument: `-p 40000`, `-dev-listen-address=127.0.0.1:40000`. */
function portsIn(args: readonly string[]): readonly number[] {
  return args.flatMap(arg => /(?:^|:)(\d{4,5})$/.exec(arg)?.[1] ?? []).map(Number)
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false // refused: nobody listens
  } finally {
    socket.destroy()
  }
}
