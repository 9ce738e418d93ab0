/** `node:crypto`, loaded by its first use: to load it is half of what importing this package would cost (`npm run bench`). */
export function crypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto')
}
