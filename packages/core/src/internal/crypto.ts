let loaded: typeof import('node:crypto') | undefined

/** `node:crypto`, loaded by its first use: to load it is half of what importing this package would cost (`npm run bench`). */
export function crypto(): typeof import('node:crypto') {
  return (loaded ??= process.getBuiltinModule('node:crypto'))
}
