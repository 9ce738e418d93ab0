import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new folder, which is removed by `remove`, or however this process ends. */
export async function temporaryFolder(): Promise<{ readonly path: string; readonly remove: () => void }> {
  const path = await mkdtemp(join(tmpdir(), 'strongroom-'))
  const remove = (): void => {
    process.removeListener('exit', remove)
    rmSync(path, { recursive: true, force: true })
  }
  process.once('exit', remove)
  return { path, remove }
}
