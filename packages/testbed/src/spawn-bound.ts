import { spawn, type ChildProcess } from 'node:child_process'
import { python } from './place.ts'

/** The kernel kills a process with this mark when its parent ends; the mark outlives `execv`, so no process stands between. */
const BIND = `
import ctypes, os, signal, sys
parent, program = int(sys.argv[1]), sys.argv[2:]
if sys.platform == 'linux':
    PR_SET_PDEATHSIG = 1
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        sys.exit(f'prctl: {os.strerror(ctypes.get_errno())}')
    if os.getppid() != parent: # it ended before the mark was there
        sys.exit('the parent is gone')
os.execv(program[0], program)
`

/**
 * Starts a program that ends when this process does, even by SIGKILL. More exactly, with the thread that calls this: a worker's
 * programs end with the worker. On other systems than Linux only an exit that this process knows of ends it.
 */
export function spawnBound(file: string, args: readonly string[]): ChildProcess {
  const child = spawn(python, ['-I', '-S', '-c', BIND, String(process.pid), file, ...args], { stdio: 'ignore' })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.removeListener('exit', kill))
  return child
}
