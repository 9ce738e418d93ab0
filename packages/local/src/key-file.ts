import { randomBytes, randomUUID } from 'node:crypto'
import { link, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { publicError, refusal } from './classify.ts'
import { membersOf, parseKeySet, symmetricKey } from './jwk.ts'
import { checkKeys, checkText } from './options.ts'

/** The file's text, or undefined when there is no such file. */
export async function readKeyFile(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Makes a key file with one new key. When another process was faster, its file stays: the two never see half a file. */
export async function makeKeyFile(file: string): Promise<void> {
  const temporary = `${file}.${randomUUID()}`
  try {
    await writeDurably(temporary, textOf([newMember().member]))
    await publish(temporary, file)
  } finally {
    await rm(temporary, { force: true })
  }
}

/**
 * Adds a new key in front of a key file, so that it writes from now on and the old ones still read; makes the file when there
 * is none. Drivers that are open notice when they meet a value of the new key, or when the old one is retired.
 * @throws SecretError `conflict` while another process changes the file, `misconfigured` when it is not a JWK Set
 */
export async function addLocalKey(options: { readonly file: string }): Promise<{ readonly kid: string }> {
  const operation = 'addLocalKey'
  checkKeys(operation, options, ['file'], 'options are { file }')
  checkText(operation, 'file', options.file)
  try {
    return await addKey(resolve(options.file))
  } catch (error) {
    throw publicError(error, operation)
  }
}

/** What is written to a directory is durable only when the directory is. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return // a directory cannot be opened there
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Gives a finished file its name, unless the name is taken. */
export async function publish(temporary: string, file: string): Promise<boolean> {
  try {
    await link(temporary, file)
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
  await syncDirectory(dirname(file))
  return true
}

async function addKey(given: string): Promise<{ readonly kid: string }> {
  const present = await readKeyFile(given)
  const file = present === undefined ? given : await realpath(given)
  // Its exclusive creation is the lock: whoever holds it reads, adds and renames.
  const temporary = `${file}.new`
  const handle = await openExclusive(temporary)
  let mine = true
  try {
    const old = await readKeyFile(file)
    if (old !== undefined) parseKeySet(old)
    const { kid, member } = newMember()
    await handle.writeFile(textOf([member, ...(old === undefined ? [] : membersOf(old))]))
    if (old === undefined) {
      await handle.sync()
      if (!(await publish(temporary, file))) throw refusal('conflict', 'another process has just made the key file')
      return { kid }
    }
    const { uid, gid } = await stat(file)
    // Run as root for a service, the file must stay the service's.
    if (process.platform !== 'win32') await handle.chown(uid, gid)
    await handle.sync()
    await rename(temporary, file)
    mine = false
    await syncDirectory(dirname(file))
    return { kid }
  } finally {
    await handle.close()
    if (mine) await rm(temporary, { force: true })
  }
}

async function openExclusive(file: string): Promise<Awaited<ReturnType<typeof open>>> {
  try {
    return await open(file, 'wx', 0o600)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    throw refusal('conflict', 'another process is changing the key file; when none is, delete the file of that name ending in .new')
  }
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function newMember(): { readonly kid: string; readonly member: Readonly<Record<string, string>> } {
  const { kty, kid, k } = symmetricKey(randomBytes(32))
  return { kid, member: { kty, kid, alg: 'A256GCM', use: 'enc', k } }
}

function textOf(members: readonly unknown[]): string {
  return `${JSON.stringify({ keys: members }, undefined, 2)}\n`
}

function hasCode(error: unknown, code: string): boolean {
  return (error as { readonly code?: unknown } | null)?.code === code
}
