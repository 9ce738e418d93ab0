import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

export const HOST = '127.0.0.1'
const VENV = join(import.meta.dirname, '..', '..', '..', '.venv')

/** What `node scripts/provision-python.mjs` makes. */
export const moto: string = join(VENV, 'bin', 'moto_server')
export const drongo: string = join(VENV, 'bin', 'drongo')
export const python: string = join(VENV, 'bin', 'python')

/** Why a program is missing; undefined when it is there. With STRONGROOM_REQUIRE_BACKENDS=all it throws instead. */
export function missingProgram(file: string | undefined, name: string): string | undefined {
  if (file !== undefined && existsSync(file)) return undefined
  return unlessRequired(`there is no .venv with ${name}: run \`node scripts/provision-python.mjs\``)
}

/** Why something cannot run. @throws Error with STRONGROOM_REQUIRE_BACKENDS=all, where everything has to */
export function unlessRequired(reason: string): string {
  if (process.env['STRONGROOM_REQUIRE_BACKENDS'] === 'all') throw new Error(`STRONGROOM_REQUIRE_BACKENDS=all, but ${reason}`)
  return reason
}

/** The title of a suite that needs a server: it says why when the suite is skipped. */
export function suiteTitle(title: string, missing: string | undefined): string {
  return missing === undefined ? title : `${title} (skipped: ${missing})`
}

/** A port of the loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
