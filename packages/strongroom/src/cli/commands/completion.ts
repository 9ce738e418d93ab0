import { access } from 'node:fs/promises'
import { extname } from 'node:path'
import { isPlainObject } from '../../config/interpolate.ts'
import { DATA_NAMES, readConfig } from '../../config/read.ts'
import { SCRIPTS, type Shell } from '../completion/scripts.ts'
import { suggest } from '../completion/suggest.ts'
import { program } from '../program.ts'

export function printScript(shell: Shell): void {
  process.stdout.write(SCRIPTS[shell])
}

/** For the scripts: what may stand where the last word is. */
export async function complete(words: readonly string[]): Promise<void> {
  const { items, files } = await suggest(program(), words, storesOf)
  const lines = [...items.map(({ value, description }) => `${value}\t${description}`), ...(files ? [':files'] : [])]
  process.stdout.write(lines.map(line => `${line}\n`).join(''))
}

/** Only of a file of data: a key that asks what there is runs nobody's program. */
async function storesOf(given: string | undefined): Promise<readonly string[]> {
  const file = given ?? (process.env['STRONGROOM_CONFIG'] || (await firstThere(DATA_NAMES)))
  if (file === undefined || !DATA_NAMES.some(name => extname(name) === extname(file))) return []
  const { config } = await readConfig(file, {}).catch(() => ({ config: undefined })) // a file that is wrong has no names
  const stores = isPlainObject(config) ? config['stores'] : undefined
  return isPlainObject(stores) ? Object.keys(stores) : []
}

async function firstThere(names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const isThere = await access(name).then(
      () => true,
      () => false,
    )
    if (isThere) return name
  }
  return undefined
}
