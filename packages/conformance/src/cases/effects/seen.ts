import assert from 'node:assert/strict'
import type { DriverVersion, NativePath, SecretDriver, VersionId } from '@strongroom/core'
import type { CaseContext } from '../../case-context.ts'

/** What a secret is to those who look at it over a wire without faults. Without dates, which a look or a repeat may move. */
export interface Seen {
  /** What a reader gets who names no version: the value, or the code of the refusal. */
  readonly current: string
  /** The same around the adapter, where the harness has that hook; a secret that is missing is `nothing`. */
  readonly outside: string | undefined
  readonly versions: readonly SeenVersion[]
}

export interface SeenVersion {
  readonly version: VersionId
  readonly state: DriverVersion['state']
  readonly current: boolean
  readonly token: string | undefined
  /** Of a version that an earlier look did not see: what a reader gets who names it, the value or the code of the refusal. */
  readonly value: string | undefined
}

/**
 * Looks through another driver than the one whose word is tested, where there is one: what that one remembers proves nothing. `before`
 * is an earlier look, whose versions are not read again: they are immutable.
 */
export async function look(context: CaseContext, path: NativePath, before?: Seen): Promise<Seen> {
  const driver: SecretDriver = (context.hooks as { readonly second?: SecretDriver }).second ?? context.driver
  const [current, outside, versions] = await Promise.all([
    valueOr(driver, context.readText(path, undefined, driver)),
    outsideOf(context, path),
    versionsSeen(context, driver, path, before),
  ])
  return { current, outside, versions }
}

/** The versions that are in one look and not in the other. */
export function added(before: Seen, after: Seen): readonly SeenVersion[] {
  const known = new Set(before.versions.map(({ version }) => version))
  return after.versions.filter(({ version }) => !known.has(version))
}

async function versionsSeen(context: CaseContext, driver: SecretDriver, path: NativePath, before: Seen | undefined): Promise<readonly SeenVersion[]> {
  const isNew = (version: VersionId): boolean => before?.versions.every(known => known.version !== version) === true
  const found = await context.versions(path, undefined, driver).catch((error: unknown) => {
    if (driver.classify(error).code === 'not_found') return []
    throw error
  })
  const seen = found.map(async ({ version, state, current, token }) => ({
    version,
    state,
    current,
    token,
    value: isNew(version) ? await valueOr(driver, context.readText(path, version, driver)) : undefined,
  }))
  // The order is the backend's, and tells nothing.
  return (await Promise.all(seen)).toSorted((one, other) => (one.version < other.version ? -1 : 1))
}

/** Only what a good wire may say too: a look that fails is not a secret that is missing. */
async function valueOr(driver: SecretDriver, read: Promise<string>): Promise<string> {
  return await read.catch((error: unknown) => {
    const { code } = driver.classify(error)
    assert.ok(['not_found', 'version_unusable'].includes(code), `a read over a good wire fails as not_found or version_unusable, not as ${code}`)
    return code
  })
}

async function outsideOf(context: CaseContext, path: NativePath): Promise<string | undefined> {
  const { outOfBand } = context.hooks as Partial<CaseContext['hooks']>
  if (outOfBand === undefined) return undefined
  const bytes = await outOfBand.read(path)
  return bytes === undefined ? 'nothing' : new TextDecoder().decode(bytes)
}
