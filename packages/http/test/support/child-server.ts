import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

interface ChildServer extends AsyncDisposable {
  /** What it said when it was ready. */
  readonly ready: unknown
  /** What it answers to a line on its input. */
  ask(): Promise<unknown>
}

/** A server of its own process, which says in lines of JSON where it is, and what it is asked. It ends with its input. */
export async function startChildServer(
  file: URL,
  { flags = [], args = [] }: { readonly flags?: readonly string[]; readonly args?: readonly string[] } = {},
): Promise<ChildServer> {
  const server = spawn(process.execPath, ['--conditions=@strongroom/source', ...flags, fileURLToPath(file), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value)) as unknown
  return {
    ready: await line(),
    async ask() {
      server.stdin.write('\n')
      return await line()
    },
    async [Symbol.asyncDispose]() {
      server.stdin.end()
      if (server.exitCode === null) await once(server, 'exit')
    },
  }
}
