import { fork, type ChildProcess } from 'node:child_process'

/** What runs on the loopback is not asked for through a proxy. */
const DIRECT = { HTTPS_PROXY: '', HTTP_PROXY: '', ALL_PROXY: '', https_proxy: '', http_proxy: '', all_proxy: '' }

const running = new Set<ChildProcess>()

/**
 * Runs a module of the sources in a process of its own, with a channel, that ends when this process exits. Of a SIGKILL of this process it
 * hears by the channel's `disconnect`.
 * @param cache a folder where one process leaves what it compiled for the next
 */
export function forkBound(file: string, cache: string): ChildProcess {
  const child = fork(file, {
    execArgv: ['--conditions=@strongroom/source'],
    env: { ...process.env, ...DIRECT, NODE_NO_WARNINGS: '1', NODE_COMPILE_CACHE: cache },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  if (running.size === 0) process.once('exit', endAll)
  running.add(child)
  child.once('close', () => {
    running.delete(child)
    if (running.size === 0) process.removeListener('exit', endAll)
  })
  return child
}

function endAll(): void {
  for (const child of running) child.kill('SIGKILL')
}
