import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { CheckedConfig } from '../../config/check.ts'
import { isPlainObject } from '../../config/interpolate.ts'
import { pathFrom } from '../../config/read.ts'
import type { Finding } from './report.ts'

/** Fields that name a file with a credential in it. `{ file: PATH }` is one everywhere. */
const CREDENTIAL_FILES: ReadonlySet<string> = new Set(['keyFile', 'certificatePath', 'jwtFile', 'tokenFilePath', 'file'])

/** The files that hold a credential and that others on this machine may read. */
export async function readableFiles(config: CheckedConfig, folder: string): Promise<readonly Finding[]> {
  const named = namedIn(config)
  const keys = Object.entries(config.stores).flatMap(([name, store]) =>
    // The default: it lies beside the database.
    store.type === 'local' && !('key' in store && store.key !== undefined)
      ? [{ path: `stores.${name}.path`, file: join(String((store as { readonly path?: unknown }).path), 'key') }]
      : [],
  )
  const looked = await Promise.all(
    [...named, ...keys].map(async ({ path, file }) => {
      const mode = await modeOf(pathFrom(folder, file))
      return mode === undefined || (mode & 0o004) === 0 ? [] : [finding(path, file)]
    }),
  )
  return looked.flat()
}

/** The permissions of a file, as `chmod` counts them; undefined where there is none, and on Windows, where they mean nothing. */
export async function modeOf(file: string): Promise<number | undefined> {
  if (process.platform === 'win32') return undefined
  try {
    return (await stat(file)).mode & 0o777
  } catch {
    return undefined // who needs it tells that it is missing
  }
}

function namedIn(value: unknown, path: string = ''): readonly { readonly path: string; readonly file: string }[] {
  if (Array.isArray(value)) return value.flatMap((one, index) => namedIn(one, `${path}[${index}]`))
  if (!isPlainObject(value)) return []
  return Object.entries(value).flatMap(([name, one]) => {
    const at = path === '' ? name : `${path}.${name}`
    // A certificate's authority is no secret.
    if (name === 'ca' || name === 'cert') return []
    return CREDENTIAL_FILES.has(name) && typeof one === 'string' ? [{ path: name === 'file' ? path : at, file: one }] : namedIn(one, at)
  })
}

function finding(path: string, file: string): Finding {
  return {
    level: 'warning',
    where: 'configuration',
    code: 'readable',
    wrong: `${path}: everyone on this machine may read ${file}`,
    mend: `chmod 600 ${file}`,
  }
}
