import {
  dateOf,
  finding,
  isAborted,
  refused,
  textOf,
  tokenOf,
  unlessFailed,
  withCircumstances,
  type DriverCall,
  type DriverCapabilities,
  type Failure,
  type NativePath,
  type Payload,
  type ReadOutcome,
  type SecretDriver,
  type VersionId,
} from '@strongroom/core/driver-support'
import type * as Aws from '@aws-sdk/client-secrets-manager'
import { answers, checkAccount, CURRENT, entryOf, payloadOf, versionOf } from './answers.ts'
import { classify, nameOf } from './classify.ts'
import { lazyClient, type Sdk } from './client.ts'
import { checkName, checkReadable, isReadable, NOT_A_NAME } from './paths.ts'
import { checkOptions, type AwsOptions } from './options.ts'

const CAPABILITIES: DriverCapabilities = {
  maxPathLength: 512,
  maxValueBytes: { text: 65_536, binary: 65_536 },
  maxBatch: 20,
  create: 'atomic',
  appendAfter: 'ignored',
  current: 'on_promote',
  versionProof: 'token',
  destroyVersion: 'detached',
  remove: 'recoverable',
  textForm: 'kept',
}
const ABORTED: Failure = refused('aborted', { effect: 'unknown' })
const PENDING = 'STRONGROOM_PENDING'
const PAGE = 100
/** So long after a purge the name is free for certain, whichever clock is wrong. */
const PURGE_MS = 300_000
/** What the name filter of `ListSecrets` takes; a leading `!` would turn it round. No secret's name begins otherwise. */
const FILTER = /^(?!!)[a-zA-Z0-9 :_@/+=.!-]{1,512}$/

/**
 * AWS Secrets Manager. The SDK is loaded by the first call.
 * @throws SecretError `invalid_argument` or `misconfigured` for wrong options
 */
export function awsDriver(options: AwsOptions): SecretDriver {
  const { region, accountId, kmsKeyId, tags, recoveryWindowDays = 30, ...rest } = checkOptions(options)
  const client = lazyClient({ region, ...rest })

  /** One request, without retries. What else is in the answer is for the caller to check. */
  const send = async <Answer extends { readonly ARN?: unknown }>(
    operation: string,
    call: DriverCall,
    command: (sdk: Sdk) => object,
  ): Promise<Answer> => {
    const { sdk, send: ask } = client.ready ?? (await client.startFor(call))
    if (isAborted(call)) throw finding('aborted')
    const only = READS.has(operation) ? 'none' : undefined
    try {
      const answer = await ask(command(sdk), call)
      if (typeof answer !== 'object' || answer === null) throw answers.damaged('unknown')
      checkAccount((answer as Answer).ARN, accountId, only ?? 'unknown')
      return answer as Answer
    } catch (error) {
      // An answer that an abort cut off is to the SDK a connection that was lost.
      throw withCircumstances(error, { operation, effect: only, ...(isAborted(call) && { failure: ABORTED }) })
    }
  }

  const describe = (path: NativePath, call: DriverCall): Promise<Aws.DescribeSecretResponse> => {
    const input = { SecretId: checkName(path) }
    return send('describe', call, sdk => new sdk.DescribeSecretCommand(input))
  }

  /** The labelled versions of a secret that is there; AWS describes and lists what is scheduled for deletion as if it were. */
  const labels = async (path: NativePath, call: DriverCall): Promise<Readonly<Record<string, readonly string[]>>> => {
    const answer = await describe(path, call)
    if (dateOf(answer.DeletedDate) !== undefined) throw finding('not_found')
    return answer.VersionIdsToStages ?? {}
  }

  /** Whether a secret is kept at the path for its window. By AWS's pages its date is the deletion's or the window's end: of a purge, both are now. */
  const isKept = async (path: NativePath, call: DriverCall): Promise<boolean> => {
    const found = await unlessFailed(describe(path, call), () => true)
    const date = dateOf(found?.DeletedDate)
    return date !== undefined && Math.abs(date.getTime() - Date.now()) > PURGE_MS
  }

  return {
    specification: 'v1',
    kind: 'aws',
    location: accountId === undefined ? undefined : `aws:${accountId}:${region}`,
    capabilities: CAPABILITIES,

    async create({ path, payload, labels, token }, call) {
      const input: Aws.CreateSecretRequest = {
        Name: checkName(path),
        ClientRequestToken: token,
        ...valueOf(payload),
        Tags: Object.entries({ ...tags, ...labels }).map(([Key, Value]) => ({ Key, Value })),
        ...(kmsKeyId === undefined ? {} : { KmsKeyId: kmsKeyId }),
      }
      const created = send<Aws.CreateSecretResponse>('create', call, sdk => new sdk.CreateSecretCommand(input))
      const answer = await created.catch(async (error: unknown) => {
        const isHeld = classify(error).code === 'name_held' && (await isKept(path, call))
        throw isHeld ? withCircumstances(error, { failure: refused('name_held') }) : error
      })
      return { version: written(answer.VersionId, token), fullPath: answers.text(answer.ARN, 'unknown') }
    },

    async append({ path, payload, token, staged }, call) {
      const input: Aws.PutSecretValueRequest = {
        SecretId: checkName(path),
        ClientRequestToken: token,
        ...valueOf(payload),
        ...(staged ? { VersionStages: [PENDING] } : {}),
      }
      const answer = await send<Aws.PutSecretValueResponse>('append', call, sdk => new sdk.PutSecretValueCommand(input))
      return { version: written(answer.VersionId, token) }
    },

    async promote({ path, version, from }, call) {
      const input: Aws.UpdateSecretVersionStageRequest = {
        SecretId: checkName(path),
        VersionStage: CURRENT,
        MoveToVersionId: version,
        RemoveFromVersionId: from,
      }
      try {
        await send('promote', call, sdk => new sdk.UpdateSecretVersionStageCommand(input))
      } catch (error) {
        if (nameOf(error) !== 'InvalidParameterException') throw error
        // AWS has one name for a lost comparison and for a version that is not there: the holder of the label tells.
        const holds = (await labels(path, call))[from]?.includes(CURRENT) === true
        throw withCircumstances(error, { failure: refused(holds ? 'not_found' : 'conflict') })
      }
    },

    async read({ path, version }, call) {
      const input = { SecretId: checkReadable(path), ...(version === undefined ? { VersionStage: CURRENT } : { VersionId: version }) }
      const answer = await send<Aws.GetSecretValueResponse>('read', call, sdk => new sdk.GetSecretValueCommand(input))
      const found = answers.text(answer.VersionId) as VersionId
      if (version !== undefined && found !== version) throw answers.damaged()
      return { payload: payloadOf(answer), version: found }
    },

    async readMany({ paths }, call) {
      // AWS would refuse the whole batch for one that is no name.
      const names = paths.filter(isReadable)
      const outcomes = names.length === 0 ? undefined : await readBatch(names, call)
      return paths.map(path => outcomes?.get(path) ?? { path, failure: isReadable(path) ? answers.damaged().failure : NOT_A_NAME })
    },

    async versions({ path, page }, call) {
      // The list of a secret that is scheduled for deletion says nothing of that.
      if (page === undefined) await labels(path, call)
      const input = { SecretId: checkName(path), IncludeDeprecated: true, MaxResults: PAGE, ...(page === undefined ? {} : { NextToken: page }) }
      const answer = await send<Aws.ListSecretVersionIdsResponse>('versions', call, sdk => new sdk.ListSecretVersionIdsCommand(input))
      return { items: answers.list(answer.Versions).map(versionOf), next: tokenOf(answer.NextToken) }
    },

    async list({ prefix, withLabels, page }, call) {
      if (prefix !== '' && !FILTER.test(prefix)) return { items: [], next: undefined }
      const input: Aws.ListSecretsRequest = {
        MaxResults: PAGE,
        ...(prefix === '' ? {} : { Filters: [{ Key: 'name', Values: [prefix] }] }),
        ...(page === undefined ? {} : { NextToken: page }),
      }
      const answer = await send<Aws.ListSecretsResponse & { readonly ARN?: never }>('list', call, sdk => new sdk.ListSecretsCommand(input))
      const entries = answers.list(answer.SecretList)
      for (const { ARN } of entries) checkAccount(ARN, accountId, 'none')
      const there = entries.filter(({ Name, DeletedDate }) => Name?.startsWith(prefix) !== false && dateOf(DeletedDate) === undefined)
      return { items: there.map(entry => entryOf(entry, withLabels)), next: tokenOf(answer.NextToken) }
    },

    async destroyVersion({ path, version }, call) {
      const held = (await labels(path, call))[version] ?? []
      if (held.includes(CURRENT)) throw finding('conflict')
      let written = false
      for (const label of held) {
        const input = { SecretId: path, VersionStage: label, RemoveFromVersionId: version }
        try {
          await send('unlabel', call, sdk => new sdk.UpdateSecretVersionStageCommand(input))
        } catch (error) {
          throw written ? withCircumstances(error, { effect: 'unknown' }) : error
        }
        written = true
      }
    },

    async remove({ path, purge }, call) {
      const SecretId = checkName(path)
      const how = purge ? { ForceDeleteWithoutRecovery: true } : { RecoveryWindowInDays: recoveryWindowDays }
      try {
        const answer = await send<Aws.DeleteSecretResponse>('remove', call, sdk => new sdk.DeleteSecretCommand({ SecretId, ...how }))
        return purge ? { state: 'gone' } : { state: 'retained', until: dateOf(answer.DeletionDate) }
      } catch (error) {
        if (purge && nameOf(error) === 'ResourceNotFoundException') return { state: 'gone' }
        throw error
      }
    },

    async restore({ path }, call) {
      const input = { SecretId: checkName(path) }
      await send('restore', call, sdk => new sdk.RestoreSecretCommand(input))
    },

    classify,
    close: () => client.close(),
  }

  async function readBatch(paths: readonly NativePath[], call: DriverCall): Promise<ReadonlyMap<string, ReadOutcome>> {
    const outcomes = new Map<string, ReadOutcome>()
    const seen = new Set<string>()
    let page: string | undefined
    do {
      const input = { SecretIdList: [...paths], ...(page === undefined ? {} : { NextToken: page }) }
      const answer = await send<Aws.BatchGetSecretValueResponse & { readonly ARN?: never }>(
        'readMany',
        call,
        sdk => new sdk.BatchGetSecretValueCommand(input),
      )
      for (const value of answers.list(answer.SecretValues)) {
        for (const path of [value.Name, value.ARN]) {
          if (path !== undefined) outcomes.set(path, outcomeOf(path as NativePath, value))
        }
      }
      for (const { SecretId: path = '', ErrorCode, Message } of answers.list(answer.Errors)) {
        outcomes.set(path, { path: path as NativePath, failure: classify({ name: ErrorCode, message: Message }) })
      }
      page = tokenOf(answer.NextToken)
      // AWS may answer fewer than were asked for, and even none, with a token for the rest.
      if (page !== undefined && seen.has(page)) throw answers.damaged()
      if (page !== undefined) seen.add(page)
    } while (page !== undefined)
    return outcomes
  }

  function outcomeOf(path: NativePath, value: Aws.SecretValueEntry): ReadOutcome {
    try {
      checkAccount(value.ARN, accountId, 'none')
      return { path, payload: payloadOf(value), version: answers.text(value.VersionId) as VersionId }
    } catch (error) {
      return { path, failure: classify(error) }
    }
  }
}

const READS: ReadonlySet<string> = new Set(['describe', 'read', 'readMany', 'versions', 'list'])

function valueOf(payload: Payload): { readonly SecretString: string } | { readonly SecretBinary: Uint8Array } {
  return payload.text ? { SecretString: textOf(payload) } : { SecretBinary: payload.bytes }
}

/** The token is the version's id. @throws DriverFinding `corrupt` when AWS answers none, or another */
function written(version: unknown, token: string): VersionId {
  if (version !== token) throw answers.damaged('unknown')
  return token as VersionId
}
