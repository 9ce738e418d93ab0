import { called, next, seconds } from './answers.ts'
import { AwsRefusal } from './errors.ts'
import { passes } from './filter.ts'
import { needed, number, without } from './input.ts'
import * as limits from './limits.ts'
import type { Operations } from './operation.ts'
import { CURRENT, type Secret, type SecretView, type Version } from './secret.ts'
import type { State } from './state.ts'

/** What makes, labels and reads values. */
export const valueOperations: Operations = {
  CreateSecret(input, { state, authorize }) {
    const name = limits.newName(input)
    const id = limits.requestToken(input)
    const given = limits.payload(input)
    const description = limits.description(input) ?? ''
    const kmsKeyId = limits.kmsKeyId(input) ?? ''
    const tags = limits.tags(input) ?? []
    without(input, 'AddReplicaRegions', 'ForceOverwriteReplicaSecret', 'Type', 'CrossAccountPrimaryARN')
    if (tags.length > 0) authorize('TagResource', name)
    const existing = state.find(name)
    if (existing?.deletedAt !== undefined) {
      throw new AwsRefusal(
        'InvalidRequestException',
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
      )
    }
    if (existing !== undefined) {
      const version = repeated(existing, id, given)
      if (version === undefined) throw new AwsRefusal('ResourceExistsException', `The operation failed because the secret ${name} already exists.`)
      return { ...called(existing), VersionId: id }
    }
    const secret = state.create(name)
    Object.assign(secret, { description, kmsKeyId, tags })
    if (given === undefined) return called(secret)
    secret.add(id, given, [CURRENT], state.now)
    return { ...called(secret), VersionId: id }
  },

  PutSecretValue(input, { state }) {
    const secretId = limits.secretId(input)
    const id = limits.requestToken(input)
    const given = limits.payload(input)
    const stages = limits.stages(input) ?? [CURRENT]
    without(input, 'RotationToken')
    if (given === undefined) throw new AwsRefusal('InvalidRequestException', 'You must provide either SecretString or SecretBinary.')
    const secret = state.getUsable(secretId)
    const version = repeated(secret, id, given)
    if (version !== undefined) return { ...called(secret), VersionId: id, VersionStages: version.stages }
    state.changing(secret)
    return { ...called(secret), VersionId: id, VersionStages: secret.add(id, given, stages, state.now).stages }
  },

  UpdateSecret(input, { state }) {
    const secretId = limits.secretId(input)
    const id = limits.requestToken(input)
    const given = limits.payload(input)
    const description = limits.description(input)
    const kmsKeyId = limits.kmsKeyId(input)
    without(input, 'Type')
    const secret = state.getUsable(secretId)
    if (given !== undefined && secret.versions.has(id)) throw tokenInUse(secret, id)
    state.changing(secret)
    secret.description = description ?? secret.description
    secret.kmsKeyId = kmsKeyId ?? secret.kmsKeyId
    if (given === undefined) return called(secret)
    secret.add(id, given, [CURRENT], state.now)
    return { ...called(secret), VersionId: id }
  },

  UpdateSecretVersionStage(input, { state }) {
    const secretId = limits.secretId(input)
    const stage = needed(limits.stage(input), 'VersionStage')
    const from = limits.versionId(input, 'RemoveFromVersionId')
    const to = limits.versionId(input, 'MoveToVersionId')
    const secret = state.getUsable(secretId)
    const target = to === undefined ? undefined : secret.versions.get(to)
    checkMove(secret, { stage, from, to, target })
    state.changing(secret)
    secret.move(stage, target)
    return called(secret)
  },

  GetSecretValue(input, { state }) {
    const secretId = limits.secretId(input)
    const id = limits.versionId(input, 'VersionId')
    const stage = limits.stage(input)
    return readValue(state, secretId, id, stage)
  },

  BatchGetSecretValue(input, { state, pages, batchSize, authorize }) {
    const ids = limits.secretIds(input)
    const filters = limits.filters(input)
    const size = number(input, 'MaxResults', { min: 1, max: limits.SECRETS_A_BATCH })
    if ((ids === undefined) === (filters === undefined)) {
      throw new AwsRefusal('InvalidParameterException', "Either 'SecretIdList' or 'Filters' must be provided, but not both.")
    }
    if (ids !== undefined && size !== undefined) {
      throw new AwsRefusal('InvalidParameterException', "'Filters' must also be specified when 'MaxResults' is provided.")
    }
    if (filters !== undefined) authorize('ListSecrets', undefined)
    const wanted = ids ?? found(state, filters ?? []).map(({ arn }) => arn)
    const page = pages.cut({
      input,
      scope: ['BatchGetSecretValue', ids, filters],
      items: [...new Set(wanted)].map((id, index) => ({ id, index })),
      position: ({ id, index }) => [ids === undefined ? id : index, id],
      descending: false,
      size: Math.min(size ?? limits.SECRETS_A_BATCH, batchSize),
    })
    const SecretValues: object[] = []
    const Errors: object[] = []
    for (const { id } of page.items) {
      try {
        limits.checkedId(id)
        authorize('GetSecretValue', id)
        SecretValues.push(readValue(state, id, undefined, undefined))
      } catch (error) {
        if (!(error instanceof AwsRefusal)) throw error
        Errors.push({ SecretId: id, ErrorCode: error.code, Message: error.message })
      }
    }
    return { SecretValues, Errors, ...next(page) }
  },
}

/** The version that an earlier, same request has made. @throws AwsRefusal when the earlier request had another value */
function repeated(secret: Secret, id: string, given: limits.Payload | undefined): Version | undefined {
  const version = secret.versions.get(id)
  if (version === undefined || JSON.stringify(version.payload) === JSON.stringify(given)) return version
  throw tokenInUse(secret, id)
}

function tokenInUse({ arn }: Secret, id: string): AwsRefusal {
  const message = `You can't use ClientRequestToken ${id} because that value is already in use for a version of secret ${arn}.`
  return new AwsRefusal('ResourceExistsException', message)
}

interface Move {
  readonly stage: string
  readonly from: string | undefined
  readonly to: string | undefined
  readonly target: Version | undefined
}

/** Whoever moves a label must say where it is now. @throws AwsRefusal */
function checkMove(secret: Secret, { stage, from, to, target }: Move): void {
  const refuse = (message: string): never => {
    throw new AwsRefusal('InvalidParameterException', message)
  }
  const holder = secret.holderOf(stage)
  if (from === undefined && to === undefined) refuse('You must specify RemoveFromVersionId, MoveToVersionId, or both.')
  if (to !== undefined && target === undefined) refuse(`Not a valid version: ${to}`)
  if (from !== undefined && holder?.id !== from) {
    refuse(`If you specify RemoveFromVersionId, it must be the version that currently has the staging label ${stage}.`)
  }
  if (from === undefined && holder !== undefined && holder !== target) {
    refuse(
      `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${holder.id}, so you must explicitly reference that version in RemoveFromVersionId.`,
    )
  }
  if (to === undefined && stage === CURRENT) {
    refuse("You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
  }
}

function readValue(state: State, secretId: string, id: string | undefined, stage: string | undefined): object {
  const secret = state.getUsable(secretId)
  const wanted = stage ?? CURRENT
  const version = id === undefined ? secret.holderOf(wanted) : secret.versions.get(id)
  if (version === undefined) {
    const what = id === undefined ? `staging label: ${wanted}` : `VersionId: ${id}`
    throw new AwsRefusal('ResourceNotFoundException', `Secrets Manager can't find the specified secret value for ${what}`)
  }
  if (id !== undefined && stage !== undefined && !version.stages.includes(stage)) {
    throw new AwsRefusal('InvalidRequestException', 'You provided a VersionStage that is not associated to the provided VersionId.')
  }
  secret.accessedAt = state.now
  version.accessedAt = state.now
  const labels = version.stages.length === 0 ? {} : { VersionStages: version.stages }
  return { ...called(secret), VersionId: version.id, ...version.payload, ...labels, CreatedDate: seconds(version.createdAt) }
}

function found(state: State, filters: readonly limits.Filter[]): readonly SecretView[] {
  return state.seenAll().filter(view => view.deletedAt === undefined && passes(view, filters))
}
