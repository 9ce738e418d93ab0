import type { NativePath, SecretId } from '../words.ts'

export const ID_LENGTH = 36
const MOVE = /^-[0-9a-f]{8}$/
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:-[0-9a-f]{8})?$/

/** The path of a record that is created: no key in it, so that the key is free again at once after a delete. */
export function createdPath(prefix: string, registry: string, id: SecretId): NativePath {
  return `${prefix}${registry}-${id}` as NativePath
}

/** The path of a copy: new for each migration of a record, so that nothing of an earlier one is met there. */
export function movedPath(prefix: string, registry: string, id: SecretId, token: string): NativePath {
  return `${createdPath(prefix, registry, id)}-${token.slice(0, 8)}` as NativePath
}

/** What stands before the record's id in a path that this registry has made for it; undefined for any other path. */
export function spaceOf(path: NativePath, registry: string, id: SecretId): string | undefined {
  const at = path.lastIndexOf(id)
  const rest = at === -1 ? 'none' : path.slice(at + id.length)
  const space = path.slice(0, Math.max(0, at))
  return space.endsWith(`${registry}-`) && (rest === '' || MOVE.test(rest)) ? space : undefined
}

/** Whether what follows a space looks as if a registry had made it. */
export function isOurForm(rest: string): boolean {
  return UUID.test(rest)
}
