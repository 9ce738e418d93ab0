import { finding } from '@strongroom/core/driver-support'

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,1024}$/u
const VERSION = /^[1-9]\d{0,14}$/

/** Printable, and no part between its slashes is empty or of dots, which Vault would take for another path; a slash may end it. */
export function isPath(path: unknown): path is string {
  if (typeof path !== 'string' || path.length > 1024 || !PRINTABLE.test(path)) return false
  return !trimmed(path)
    .split('/')
    .some(part => ['', '.', '..'].includes(part))
}

/** @throws DriverFinding `invalid_argument` for what the server would take for another path */
export function checkedPath(path: string): string {
  if (isPath(path) && !path.endsWith('/')) return path
  throw finding('invalid_argument', { hint: 'a path is printable, and no part of it between slashes is empty, a dot or two dots' })
}

export function isVersion(version: string): boolean {
  return VERSION.test(version)
}

export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

export function trimmed(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

/** Here, since Vault would refuse them after the value is written. @throws DriverFinding `invalid_argument` */
export function checkLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels)
  const fits = (text: string, bytes: number): boolean => PRINTABLE.test(text) && Buffer.byteLength(text) <= bytes
  if (entries.length <= 64 && entries.every(([name, label]) => fits(name, 128) && fits(label, 512))) return
  throw finding('invalid_argument', { hint: 'labels are at most 64, printable, names of 1 to 128 bytes and values of 1 to 512' })
}
