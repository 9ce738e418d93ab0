import type { DriverCall, DriverVersion, Payload, SecretDriver } from '../driver.ts'
import { isSecretError } from '../errors.ts'
import type { WriteOnlyDriver } from '../registry.ts'
import type { NativePath, VersionId } from '../words.ts'
import type { Guard, GuardedAnswer } from './guard.ts'

interface PutRequest {
  readonly operation: string
  readonly secretName?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly withinMs?: number | undefined
  readonly path: NativePath
  readonly payload: Payload
  readonly token: string
}

interface NewSecretRequest extends PutRequest {
  readonly labels: Readonly<Record<string, string>>
  /** Nothing can be at the path: it was made for this token, and nobody has put there before. */
  readonly isNew?: boolean
}

/**
 * Creates. After an attempt without an answer it tries again only where the token makes the repeat answer the first one's
 * version, so that nothing is made twice.
 */
export function createSecret(
  guard: Guard,
  driver: WriteOnlyDriver,
  request: NewSecretRequest,
): Promise<GuardedAnswer<{ readonly version: VersionId; readonly fullPath: string }>> {
  const { path, payload, labels, token, isNew = false } = request
  // An attempt before it may have put something there.
  const attempt = (call: DriverCall): Promise<{ readonly version: VersionId; readonly fullPath: string }> =>
    driver.create({ path, payload, labels, token, ...(isNew && call.attempt === 1 ? { isNew } : {}) }, call)
  return guard.runWrite({ ...request, afterUnknown: driver.capabilities.versionProof === 'token' ? async () => undefined : 'never', attempt })
}

/**
 * Appends. After an attempt without an answer, a `token` is looked for first. Where only the position tells versions apart,
 * `resend: 'always'` appends again: the caller must have a watch remove the other one.
 */
export function appendVersion(
  guard: Guard,
  driver: WriteOnlyDriver,
  request: PutRequest & { readonly after: VersionId | undefined; readonly staged: boolean; readonly resend: 'if_provable' | 'always' },
): Promise<GuardedAnswer<{ readonly version: VersionId }>> {
  const { path, payload, token, after, resend } = request
  const { versionProof, current, appendAfter } = driver.capabilities
  const staged = request.staged && current === 'on_promote'
  const compared = appendAfter === 'compared' ? after : undefined
  const attempt = (call: DriverCall): Promise<{ readonly version: VersionId }> =>
    driver.append({ path, payload, token, after: compared, staged }, call)
  if (versionProof === 'token') return guard.runWrite({ ...request, afterUnknown: call => findToken(driver, path, token, call), attempt })
  return guard.runWrite({ ...request, afterUnknown: resend === 'always' ? async () => undefined : 'never', attempt })
}

/** The usable version that carries the token, if the backend has it; not there either when the whole secret is missing. */
export async function findToken(
  driver: WriteOnlyDriver,
  path: NativePath,
  token: string,
  call: DriverCall,
  after?: VersionId,
): Promise<{ readonly version: VersionId } | undefined> {
  try {
    for await (const found of allVersions(driver, path, call, after)) {
      if (found.token === token && found.state === 'usable') return { version: found.version }
    }
  } catch (error) {
    if (driver.classify(error).code !== 'not_found') throw error
  }
  return undefined
}

/** Every version of a path, in one guarded call. @throws SecretError `not_found` for a secret that is missing */
export async function listVersions(
  { driver, guard }: { readonly driver: WriteOnlyDriver; readonly guard: Guard },
  path: NativePath,
  call: Pick<PutRequest, 'operation' | 'secretName' | 'signal' | 'withinMs'>,
): Promise<readonly DriverVersion[]> {
  return await guard.run({ ...call, afterUnknown: 'read', attempt: at => Array.fromAsync(allVersions(driver, path, at)) })
}

/** As {@link listVersions}; none when the secret is missing. */
export async function listVersionsIfAny(...given: Parameters<typeof listVersions>): Promise<readonly DriverVersion[]> {
  try {
    return await listVersions(...given)
  } catch (error) {
    if (isSecretError(error, 'not_found')) return []
    throw error
  }
}

/** Every version of a path, page by page, inside one guarded call. */
async function* allVersions(driver: WriteOnlyDriver, path: NativePath, call: DriverCall, after?: VersionId): AsyncGenerator<DriverVersion> {
  let page: string | undefined
  do {
    const answer: Awaited<ReturnType<SecretDriver['versions']>> = await driver.versions({ path, after, page }, call)
    yield* answer.items
    page = answer.next
  } while (page !== undefined)
}
