import { stat } from 'node:fs/promises'

/** Bytes of a file; undefined for standard input and for what has no size. */
export async function fileSize(path: string): Promise<number | undefined> {
  if (path === '-') return undefined
  const found = await stat(path).catch(() => undefined) // whoever reads it says what is wrong
  return found?.isFile() === true ? found.size : undefined
}
