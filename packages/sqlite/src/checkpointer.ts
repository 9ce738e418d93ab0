import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Worker } from 'node:worker_threads'

/** How often the log is copied into the database: it is some ten pages a commit, and SQLite's own measure is 1,000. */
const EVERY_COMMITS = 200

/** As text, so that it comes along wherever this is bundled. It answers each message when the log has been copied, as far as it could be. */
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { DatabaseSync } = require('node:sqlite')
  const database = new DatabaseSync(workerData)
  database.exec('PRAGMA synchronous = NORMAL')
  database.prepare('SELECT count(*) FROM sqlite_schema').get() // before a first look SQLite knows of no log
  const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  parentPort.on('message', () => {
    try {
      checkpoint.get()
    } catch {
      // The log keeps what it has; the next time is another try.
    }
    parentPort.postMessage(undefined)
  })
`

/**
 * Copies the log into the database on a thread of its own: SQLite's own way, which waits for the disk twice, holds up the thread that
 * happens to commit. First beside the writes, which takes long and leaves what they add meanwhile; then that little while they are held,
 * since only a log that has been copied as a whole is begun anew.
 */
export class Checkpointer {
  readonly #path: string
  readonly #withoutWorker: () => void
  #commits = 0
  #working: Promise<void> | undefined
  #worker: Worker | undefined
  #failed = false
  #closed = false
  /** What a write waits for before it begins. */
  held: Promise<void> | undefined

  /** `withoutWorker` is called once where no thread can be had. */
  constructor(path: string, withoutWorker: () => void) {
    this.#path = path
    this.#withoutWorker = withoutWorker
  }

  committed(): void {
    this.#commits += 1
    if (this.#commits < EVERY_COMMITS || this.#working !== undefined || this.#failed || this.#closed) return
    this.#commits = 0
    this.#working = this.#work().finally(() => (this.#working = undefined))
  }

  /** SQLite lets the last connection that closes delete the log, so that this one goes first. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#working
    await this.#worker?.terminate()
  }

  async #work(): Promise<void> {
    try {
      this.#worker ??= await this.#start()
      await this.#checkpoint(this.#worker)
      this.held = this.#checkpoint(this.#worker)
      await this.held
    } catch {
      this.#failed = true
      if (!this.#closed) this.#withoutWorker()
    } finally {
      this.held = undefined
    }
  }

  async #start(): Promise<Worker> {
    const { Worker: Thread } = await import('node:worker_threads')
    // It opens what is there and makes nothing; and on Node 22 it would print a warning.
    const workerData = `${pathToFileURL(resolve(this.#path)).href}?mode=rw`
    const worker = new Thread(WORKER, { eval: true, workerData, env: {}, execArgv: ['--disable-warning=ExperimentalWarning'] })
    worker.unref()
    return worker
  }

  async #checkpoint(worker: Worker): Promise<void> {
    // A process does not end while a write waits for it, and is not kept by a thread that does nothing.
    worker.ref()
    try {
      await new Promise<void>((done, fail) => {
        const end = (settle: () => void) => (): void => {
          worker.off('message', answered).off('error', broken).off('exit', broken)
          settle()
        }
        const answered = end(done)
        const broken = end(() => fail(new Error('the thread has ended')))
        worker.on('message', answered).on('error', broken).on('exit', broken)
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's, not a window's
        worker.postMessage(undefined)
      })
    } finally {
      worker.unref()
    }
  }
}
