import { join } from 'node:path'
import type { SecretDriver } from '@strongroom/core'
import { temporaryFolder } from '@strongroom/testbed'
import type { Backend, Running } from '../backends/backend.ts'
import { Children } from '../children.ts'
import type { MoveOperation, MoveScenario, Side } from './scenarios.ts'

/** Two backends at work, and the children that move secrets between them. Scenarios run in it one by one. */
export class MoveLane {
  readonly running: readonly [Running, Running]
  readonly drivers: readonly [SecretDriver, SecretDriver]
  readonly promotes: readonly [boolean, boolean]
  readonly children: Children
  readonly folder: string
  readonly #remove: () => void

  private constructor([first, second]: MoveScenario['pair'], running: MoveLane['running'], folder: string, remove: () => void) {
    this.running = running
    this.folder = folder
    this.#remove = remove
    this.promotes = [first.promotes, second.promotes]
    this.drivers = [first.driver(running[0].config), second.driver(running[1].config)]
    const opened = (backend: Backend, { config }: Running): { readonly backend: string; readonly config: unknown } => ({
      backend: backend.name,
      config,
    })
    this.children = new Children(opened(first, running[0]), join(folder, 'compiled'), opened(second, running[1]))
  }

  static async start(pair: MoveScenario['pair']): Promise<MoveLane> {
    const first = await pair[0].start()
    try {
      const { path, remove } = await temporaryFolder()
      return new MoveLane(pair, [first, await pair[1].start()], path, remove)
    } catch (error) {
      await first.stop()
      throw error
    }
  }

  at(operation: MoveOperation, side: Side): Running {
    return this.running[(side === 'from') === (operation !== 'return') ? 0 : 1]
  }

  async stop(): Promise<void> {
    await this.children.stop()
    for (const driver of this.drivers) await driver.close()
    for (const running of this.running) await running.stop()
    this.#remove()
  }
}
