import { unlessAborted, type Abortable } from './abort.ts'

/** For authors of drivers: work that several calls wait for and none of them owns, such as a login. One that leaves does not end it, and a failure is not kept. */
export class Shared<T> {
  #running: Promise<T> | undefined

  /** Begins the work unless it is under way. @throws DriverFinding `aborted`, or whatever the work throws */
  async run(work: () => Promise<T>, call: Abortable): Promise<T> {
    return await unlessAborted(this.begin(work), call, 'none')
  }

  /** As `run`, for nobody in particular. */
  begin(work: () => Promise<T>): Promise<T> {
    this.#running ??= work().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }
}
