import { finding } from '@strongroom/core/driver-support'

const NAME = /^[0-9a-zA-Z-]{1,127}$/
const VERSION = /^[0-9a-f]{32}$/i

/** A name becomes a part of a URL, so that one that no vault takes is not sent. @throws DriverFinding `invalid_argument` */
export function checkName(path: string): void {
  if (!NAME.test(path)) throw finding('invalid_argument', { hint: 'a name in a Key Vault is 1 to 127 of 0-9 a-z A-Z -, prefix included' })
}

/** What a listed name can begin with. */
export function isPrefix(prefix: string): boolean {
  return prefix === '' || NAME.test(prefix)
}

export function isVersion(version: unknown): boolean {
  return typeof version === 'string' && VERSION.test(version)
}

/** As for names; without a version the SDK would ask for the newest. @throws DriverFinding `not_found` */
export function checkVersion(version: string): void {
  if (!isVersion(version)) throw finding('not_found')
}

/** One name to Azure, and so to this driver, whatever the case of its letters. */
export function sameName(one: string, other: string): boolean {
  return one === other || one.toLowerCase() === other.toLowerCase()
}

/** What a client outside this library reads it by. */
export function fullPathOf(vaultUrl: string, path: string): string {
  return `${vaultUrl}/secrets/${path}`
}
