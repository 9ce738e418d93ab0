import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { drongo, howOpenBaoRuns, missingProgram, moto, openBaoBinary, suiteTitle } from '@strongroom/testbed'
import { afterEach, describe, expect, test } from 'vitest'
import { descendantsOf, isRunning } from './processes.ts'

const run = promisify(execFile)
const GONE_MS = 10_000

/** What must be there for the server, and how many programs are started for it. */
const servers = {
  moto: { missing: missingProgram(moto, 'moto'), programs: 1 },
  drongo: { missing: missingProgram(drongo, 'drongo'), programs: 1 },
  'one-at-a-time': { missing: undefined, programs: 0 },
  openbao: { missing: missingProgram(openBaoBinary, 'OpenBao'), programs: 1 },
  'openbao-tls': { missing: missingProgram(openBaoBinary, 'OpenBao'), programs: 1 },
} as const

const notContained = (await howOpenBaoRuns()).endsWith('in a container') ? undefined : 'OpenBao runs as a process'
const owners: ChildProcess[] = []
afterEach(() => owners.splice(0).forEach(owner => void owner.kill('SIGKILL')))

describe.skipIf(process.platform !== 'linux')('a server ends when the process that started it is killed', () => {
  for (const [name, { missing, programs }] of Object.entries(servers)) {
    test.skipIf(missing !== undefined)(suiteTitle(name, missing), { timeout: 90_000 }, async () => {
      const owner = await startOwner(name, { STRONGROOM_OPENBAO: 'process' })
      const started = descendantsOf(owner.pid)
      const theirs = started.flatMap(({ args }) => portsIn(args))
      const ports = [...new Set([owner.port, ...theirs])]
      expect([started.length, theirs.length]).toEqual([programs, programs])
      expect(await answering(ports)).toEqual(ports)
      await owner.killed()

      try {
        await expect.poll(() => started.filter(isRunning), { timeout: GONE_MS }).toEqual([])
        await expect.poll(() => answering(ports), { timeout: GONE_MS }).toEqual([])
      } finally {
        for (const { pid } of started.filter(isRunning)) process.kill(pid, 'SIGKILL') // what this is against, it does not leave itself
      }
    })
  }

  describe.skipIf(notContained !== undefined)(suiteTitle('in a container', notContained), { timeout: 90_000 }, () => {
    test('a shell removes it', async () => {
      const owner = await startOwner('openbao')
      try {
        expect(await containersOf(owner.pid)).toHaveLength(1)
        await owner.killed()
        await expect.poll(() => containersOf(owner.pid), { timeout: GONE_MS }).toEqual([])
        await expect.poll(() => answering([owner.port]), { timeout: GONE_MS }).toEqual([])
      } finally {
        await removeAll(await containersOf(owner.pid))
      }
    })

    test('where the shell is killed too, the next run removes it', async () => {
      const owner = await startOwner('openbao')
      let next: Awaited<ReturnType<typeof startOwner>> | undefined
      try {
        for (const { pid } of descendantsOf(owner.pid)) process.kill(pid, 'SIGKILL')
        await expect.poll(() => descendantsOf(owner.pid), { timeout: GONE_MS }).toEqual([])
        expect(await containersOf(owner.pid)).toHaveLength(1)
        await owner.killed()
        next = await startOwner('openbao')
        expect(await containersOf(owner.pid)).toEqual([])
        expect(await containersOf(next.pid)).toHaveLength(1)
      } finally {
        await next?.killed()
        await removeAll(await containersOf(owner.pid))
        if (next !== undefined) await removeAll(await containersOf(next.pid))
      }
    })
  })
})

interface Owner {
  readonly pid: number
  /** Of the URL that the testbed answered. */
  readonly port: number
  readonly killed: () => Promise<void>
}

async function startOwner(server: string, environment: NodeJS.ProcessEnv = {}): Promise<Owner> {
  const child = spawn(process.execPath, ['--conditions=@strongroom/source', join(import.meta.dirname, 'owner.ts'), server], {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  owners.push(child)
  const url = new URL(await firstLine(child))
  if (child.pid === undefined) throw new Error('the child was not started')
  const killed = async (): Promise<void> => {
    const died = once(child, 'exit')
    child.kill('SIGKILL')
    await died
  }
  return { pid: child.pid, port: Number(url.port), killed }
}

/** Also those that were made and not started. */
async function containersOf(pid: number): Promise<readonly string[]> {
  const { stdout } = await run('docker', ['ps', '--all', '--quiet', '--filter', `label=strongroom.owner=${pid}`])
  return stdout.split('\n').filter(line => line !== '')
}

async function removeAll(containers: readonly string[]): Promise<void> {
  // It is refused while a shell is at it.
  for (const id of containers) await run('docker', ['rm', '--force', id]).catch(() => undefined)
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the child has no output')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new Error('the child ended before it told its URL')
}

/** Each server is told its port at the end of an argument: `-p 40000`, `-dev-listen-address=127.0.0.1:40000`. */
function portsIn(args: readonly string[]): readonly number[] {
  return args.flatMap(arg => /(?:^|:)(\d{4,5})$/.exec(arg)?.[1] ?? []).map(Number)
}

async function answering(ports: readonly number[]): Promise<readonly number[]> {
  const open: number[] = []
  for (const port of ports) if (await answers(port)) open.push(port)
  return open
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
