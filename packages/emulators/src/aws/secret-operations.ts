import { called, day, described, labelled, next, seconds } from './answers.ts'
import { AwsRefusal } from './errors.ts'
import { passes } from './filter.ts'
import { choice, flag, needed, number } from './input.ts'
import * as limits from './limits.ts'
import type { Operations } from './operation.ts'
import { DAY_MS, type SecretView } from './secret.ts'

const PAGE = { min: 1, max: 100 }

/** What describes, lists, deletes and tags secrets. */
export const secretOperations: Operations = {
  DescribeSecret(input, { state }) {
    const { versions, ...view } = state.seen(limits.secretId(input))
    return { ...described(view), ...(versions.length === 0 ? {} : { VersionIdsToStages: labelled(versions) }) }
  },

  ListSecrets(input, { state, pages, listScan }) {
    const filters = limits.filters(input) ?? []
    const size = number(input, 'MaxResults', PAGE) ?? PAGE.max
    const planned = flag(input, 'IncludePlannedDeletion')
    const order = choice(input, 'SortOrder', ['asc', 'desc']) ?? 'asc'
    const by = choice(input, 'SortBy', ['created-date', 'last-accessed-date', 'last-changed-date', 'name']) ?? 'created-date'
    const there = state.seenAll().filter(({ deletedAt }) => planned || deletedAt === undefined)
    const page = pages.cut({
      input,
      scope: ['ListSecrets', filters, planned, order, by],
      // Without `listScan` a page has as many as were asked for; with it, what is filtered out has its place in a page, too.
      items: Number.isFinite(listScan) ? there : there.filter(view => passes(view, filters)),
      position: view => [sortKey(view, by), view.name],
      descending: order === 'desc',
      size: Math.min(size, listScan),
    })
    const SecretList = page.items
      .filter(view => passes(view, filters))
      .map(({ versions, ...view }) => ({ ...described(view), ...(versions.length === 0 ? {} : { SecretVersionsToStages: labelled(versions) }) }))
    return { SecretList, ...next(page) }
  },

  ListSecretVersionIds(input, { state, pages }) {
    const secretId = limits.secretId(input)
    const size = number(input, 'MaxResults', PAGE) ?? PAGE.max
    const all = flag(input, 'IncludeDeprecated')
    const { name, arn, kmsKeyId, versions } = state.seen(secretId)
    const page = pages.cut({
      input,
      scope: ['ListSecretVersionIds', arn, all],
      items: versions.filter(({ stages }) => all || stages.length > 0),
      position: ({ order, id }) => [order, id],
      descending: true,
      size,
    })
    const Versions = page.items.map(({ id, createdAt, accessedAt, stages }) => ({
      VersionId: id,
      CreatedDate: seconds(createdAt),
      KmsKeyIds: [kmsKeyId === '' ? 'DefaultEncryptionKey' : kmsKeyId],
      ...(accessedAt === undefined ? {} : { LastAccessedDate: day(accessedAt) }),
      ...(stages.length === 0 ? {} : { VersionStages: stages }),
    }))
    return { ARN: arn, Name: name, Versions, ...next(page) }
  },

  DeleteSecret(input, { state, nameHeldMs }) {
    const secretId = limits.secretId(input)
    const window = number(input, 'RecoveryWindowInDays')
    const forced = flag(input, 'ForceDeleteWithoutRecovery')
    if (window !== undefined && forced) {
      throw new AwsRefusal('InvalidParameterException', "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
    }
    if (window !== undefined && (window < 7 || window > 30)) {
      throw new AwsRefusal('InvalidParameterException', 'The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).')
    }
    const secret = forced ? state.find(secretId) : state.getUsable(secretId)
    const deletedAt = state.now + (forced ? nameHeldMs : (window ?? 30) * DAY_MS)
    if (secret === undefined)
      return { ARN: secretId.startsWith('arn:') ? secretId : state.newArn(secretId), Name: secretId, DeletionDate: seconds(state.now) }
    if (!secret.forced) {
      state.changing(secret)
      secret.forced = forced
      secret.deletedAt = deletedAt
      state.expire(secret)
    }
    return { ...called(secret), DeletionDate: seconds(forced ? state.now : deletedAt) }
  },

  RestoreSecret(input, { state }) {
    const secret = state.get(limits.secretId(input))
    if (secret.forced) throw new AwsRefusal('ResourceNotFoundException')
    state.changing(secret)
    secret.deletedAt = undefined
    return called(secret)
  },

  TagResource(input, { state }) {
    const secretId = limits.secretId(input)
    const tags = needed(limits.tags(input), 'Tags')
    const secret = state.getUsable(secretId)
    const merged = new Map([...secret.tags, ...tags].map(tag => [tag.Key, tag]))
    limits.checkTagCount(merged.size)
    state.changing(secret)
    secret.tags = [...merged.values()]
    return {}
  },

  UntagResource(input, { state }) {
    const secretId = limits.secretId(input)
    const keys = limits.tagKeys(input)
    const secret = state.getUsable(secretId)
    state.changing(secret)
    secret.tags = secret.tags.filter(({ Key }) => !keys.includes(Key))
    return {}
  },
}

function sortKey({ createdAt, changedAt, accessedAt, name }: SecretView, by: string): number | string {
  if (by === 'name') return name
  if (by === 'last-changed-date') return changedAt
  return by === 'last-accessed-date' ? (accessedAt ?? 0) : createdAt
}
