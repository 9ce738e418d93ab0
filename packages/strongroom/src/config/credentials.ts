import { readFile, stat } from 'node:fs/promises'
import { ConfigError, shownName } from './problems.ts'
import { pathFrom } from './read.ts'
import type { Reference } from './fields.ts'

/** What references are resolved with. */
export interface Surroundings {
  readonly source: string
  readonly folder: string
  readonly environment: NodeJS.ProcessEnv
  readonly warn: (message: string) => void
}

const CERTIFICATE = /^-----BEGIN CERTIFICATE-----/

/** The credential that a reference names, read anew at each call. @throws ConfigError, which has the name of the variable or file and nothing of what is in it */
export async function credentialOf(surroundings: Surroundings, path: string, reference: Reference): Promise<string> {
  const { source, folder, environment } = surroundings
  if ('env' in reference) {
    const value = environment[reference.env]
    if (value !== undefined && value !== '') return value
    throw new ConfigError(source, [
      { path, found: `the environment variable ${shownName(reference.env)}, which is not set`, allowed: 'one that is set' },
    ])
  }
  const file = pathFrom(folder, reference.file)
  try {
    const text = (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
    // Certificates are for everyone, unless a key is with them.
    if (!CERTIFICATE.test(text) || text.includes('PRIVATE KEY')) await warnIfOpen(surroundings, path, reference.file)
    return text
  } catch {
    throw new ConfigError(source, [
      { path, found: `the file ${shownName(reference.file)}, which cannot be read`, allowed: 'a file that this process may read' },
    ])
  }
}

/** Warns of a file that holds a key and that everyone may read. Throws where there is none. */
export async function warnIfOpen({ source, folder, warn }: Surroundings, path: string, file: string): Promise<void> {
  const { mode } = await stat(pathFrom(folder, file))
  if (process.platform !== 'win32' && (mode & 0o004) !== 0) warn(`${source}: ${path}: everyone on this machine may read ${file}; chmod 600 it`)
}
