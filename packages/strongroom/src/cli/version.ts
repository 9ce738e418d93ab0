import { readFileSync } from 'node:fs'

/** This package's own version. As built, this stands in a file of the same folder. */
export function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string }
  return version
}
