import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const program = fileURLToPath(new URL('child.ts', import.meta.url))

/** A real process that runs one command of `child.ts`; ended with the test. */
export class Child {
  readonly process: ChildProcessWithoutNullStreams
  readonly lines: string[] = []
  readonly ended: Promise<readonly [code: number | null, signal: string | null]>
  #complaints = ''

  constructor(...given: readonly string[]) {
    const environment = { ...process.env, NODE_NO_WARNINGS: '1' }
    this.process = spawn(process.execPath, ['--conditions=@strongroom/source', program, ...given], { env: environment })
    createInterface({ input: this.process.stdout }).on('line', line => this.lines.push(line))
    this.process.stderr.on('data', (piece: Buffer) => (this.#complaints += piece.toString()))
    this.ended = once(this.process, 'close') as Promise<[number | null, string | null]>
    onTestFinished(() => void this.process.kill('SIGKILL'))
  }

  /** Waits for so many lines. */
  async said(count: number): Promise<void> {
    while (this.lines.length < count) {
      if (this.process.exitCode !== null) throw new Error(`the child ended too early: ${this.#complaints}`)
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }

  go(): void {
    this.process.stdin.write('go\n')
  }

  /** What it said after `ready`, when it has ended well. */
  async finished(): Promise<readonly string[]> {
    const [code] = await this.ended
    if (code !== 0) throw new Error(`the child ended with ${code}: ${this.#complaints}`)
    return this.lines.slice(1)
  }
}

/** Starts them all, waits until each is ready, then lets them go together. */
export async function together(children: readonly Child[]): Promise<void> {
  await Promise.all(children.map(child => child.said(1)))
  for (const child of children) child.go()
}
