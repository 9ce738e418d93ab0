import { readFileSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A file in this folder is the clock of all processes: how far, in milliseconds, it is ahead of the machine's. */
const clockOf = (folder: string): string => join(folder, 'clock')

/** Makes the folder, and a clock that is not ahead. */
export async function makeClock(folder: string): Promise<void> {
  await mkdir(folder)
  await writeFile(clockOf(folder), '0')
}

/** A store's clock. A store asks for the time once in each transaction, after its beginning. */
export function clockIn(folder: string, insideTransaction: (() => void) | undefined): () => Date {
  return () => {
    insideTransaction?.()
    return new Date(Date.now() + Number(readFileSync(clockOf(folder), 'utf8')))
  }
}

export async function advanceClock(folder: string, ms: number): Promise<void> {
  const next = `${clockOf(folder)}.next`
  await writeFile(next, String(Number(await readFile(clockOf(folder), 'utf8')) + ms))
  await rename(next, clockOf(folder)) // nobody reads half of it
}
