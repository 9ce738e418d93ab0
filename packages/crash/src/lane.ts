import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { SecretDriver } from '@strongroom/core'
import { temporaryFolder } from '@strongroom/testbed'
import type { Backend, Found, Running } from './backends/backend.ts'
import { Children } from './children.ts'
import type { Finding } from './invariants.ts'

/** One backend at work: its server, its children, and the adapter by which this process recovers. Scenarios run in it one by one. */
export class Lane {
  readonly backend: Backend
  readonly running: Running
  readonly driver: SecretDriver
  readonly children: Children
  readonly folder: string
  readonly #remove: () => void
  readonly #left = new Map<string, readonly Found[]>()

  private constructor(backend: Backend, running: Running, { path: folder, remove }: Awaited<ReturnType<typeof temporaryFolder>>) {
    this.backend = backend
    this.running = running
    this.folder = folder
    this.#remove = remove
    this.driver = backend.driver(running.config)
    this.children = new Children({ backend: backend.name, config: running.config }, join(folder, 'compiled'))
  }

  static async start(backend: Backend): Promise<Lane> {
    const running = await backend.start()
    return new Lane(backend, running, await temporaryFolder())
  }

  /** What a scenario left at its end, in the order of the paths. */
  remember(prefix: string, found: readonly Found[]): void {
    this.#left.set(prefix, inOrder(found))
  }

  /** Whether everything is as each scenario left it: nobody has touched a neighbour's. */
  async neighbours(): Promise<readonly Finding[]> {
    const all = inOrder(await this.running.look(''))
    const findings: Finding[] = []
    for (const [prefix, left] of this.#left) {
      const now = all.filter(({ path }) => path.startsWith(prefix))
      if (!isDeepStrictEqual(now, left)) findings.push({ kind: 'unexplained', text: `what ${prefix} left was touched by a later scenario` })
    }
    return findings
  }

  async stop(): Promise<void> {
    await this.children.stop()
    await this.driver.close()
    await this.running.stop()
    this.#remove()
  }
}

function inOrder(found: readonly Found[]): readonly Found[] {
  const byVersion = (secret: Found): Found => ({ ...secret, versions: secret.versions.toSorted((a, b) => (a.version < b.version ? -1 : 1)) })
  return found.map(byVersion).toSorted((a, b) => (a.path < b.path ? -1 : 1))
}
