import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { DriverCall, NativePath, Payload, SecretErrorCode, VersionId } from '@strongroom/core'
import { localDriver, type LocalDriverOptions } from '../src/index.ts'

export const call: DriverCall = { signal: new AbortController().signal, attempt: 1 }

export function native(path: string): NativePath {
  return path as NativePath
}

export function text(value: string): Payload {
  return { bytes: new TextEncoder().encode(value), text: true }
}

export function reveal({ payload }: { readonly payload: Payload }): string {
  return new TextDecoder().decode(payload.bytes)
}

/** A directory of this test's own, gone with it. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'strongroom-local-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A path for a store that is not there yet, inside a directory of this test's own. */
export async function storePath(): Promise<string> {
  return join(await temporaryDirectory(), 'store')
}

/** The driver with short calls, closed with the test. */
export function openLocal(options: LocalDriverOptions): Local {
  const local = new Local(options)
  onTestFinished(() => local.driver.close())
  return local
}

export class Local {
  readonly driver: ReturnType<typeof localDriver>
  constructor(options: LocalDriverOptions) {
    this.driver = localDriver(options)
  }

  async create(path: string, value: string, token = `create ${path}`): Promise<VersionId> {
    return (await this.driver.create({ path: native(path), payload: text(value), labels: {}, token }, call)).version
  }

  async append(path: string, value: string, token = `append ${path} ${value.slice(0, 20)}`): Promise<VersionId> {
    return (await this.driver.append({ path: native(path), payload: text(value), token, after: undefined, staged: false }, call)).version
  }

  async read(path: string, version?: VersionId): Promise<string> {
    return reveal(await this.driver.read({ path: native(path), version }, call))
  }

  destroy(path: string, version: VersionId): Promise<void> {
    return this.driver.destroyVersion({ path: native(path), version }, call)
  }

  purge(path: string): ReturnType<Local['driver']['remove']> {
    return this.driver.remove({ path: native(path), purge: true }, call)
  }

  /** The code and hint with which a call fails. */
  async failure(
    work: Promise<unknown>,
  ): Promise<{ readonly code: SecretErrorCode | 'none'; readonly hint: string | undefined; readonly effect: string }> {
    try {
      await work
    } catch (error) {
      const { code, hint, effect } = this.driver.classify(error)
      return { code, hint, effect }
    }
    return { code: 'none', hint: undefined, effect: 'none' }
  }
}

/**
 * All files of a directory by name. Read by another process: to open and close a database file here would take this
 * process's own locks from it.
 */
export async function filesOf(directory: string): Promise<ReadonlyMap<string, Buffer>> {
  const names = await readdir(directory)
  return new Map(names.map(name => [name, execFileSync('cat', [join(directory, name)], { maxBuffer: 2 ** 28 })]))
}

/** Names of the files that hold these bytes. */
export async function filesWith(directory: string, needle: string | Buffer): Promise<readonly string[]> {
  return [...(await filesOf(directory))].filter(([, bytes]) => bytes.includes(needle)).map(([name]) => name)
}
