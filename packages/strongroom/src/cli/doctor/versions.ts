import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PackageVersion } from './report.ts'

interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

/** The version of a package that this one imports, and of what it uses from elsewhere: its SDKs. Nothing of them is loaded. */
export function versionsOf(name: string): readonly PackageVersion[] {
  const folder = folderOf(name)
  const manifest = folder === undefined ? undefined : manifestIn(folder)
  if (folder === undefined || manifest?.version === undefined) return []
  const others = Object.keys(manifest.dependencies ?? {}).filter(other => !other.startsWith('@strongroom/'))
  return [{ name, version: manifest.version }, ...others.flatMap(other => installed(other, folder))]
}

function folderOf(name: string): string | undefined {
  let at: string
  try {
    at = dirname(fileURLToPath(import.meta.resolve(name)))
  } catch {
    return undefined // it is not installed, which is told where it is needed
  }
  for (; manifestIn(at)?.name !== name; at = dirname(at)) if (dirname(at) === at) return undefined
  return at
}

/** As Node looks for it, from a folder upwards; a package need not give its `package.json` away. */
function installed(name: string, from: string): readonly PackageVersion[] {
  for (let at = from; ; at = dirname(at)) {
    const version = manifestIn(join(at, 'node_modules', name))?.version
    if (version !== undefined) return [{ name, version }]
    if (dirname(at) === at) return []
  }
}

function manifestIn(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  } catch {
    return undefined // there is none here
  }
}
