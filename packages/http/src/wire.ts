import type { RecordPage, SecretRecord } from '@strongroom/core'
import type { SecretPageResource, SecretResource } from './schemas.ts'

/** A record as the API shows it. */
export function secretResource(record: SecretRecord): SecretResource {
  const { id, accountId, cloudSecretPath, createdAt, createdBy, key, description, updatedAt, updatedBy } = record
  return {
    id,
    account_id: accountId,
    cloud_secret_path: cloudSecretPath,
    created_at: createdAt.toISOString(),
    created_by: { id: createdBy.id, type: createdBy.type, object: 'identity' },
    key,
    description,
    object: 'sgp_cloud_secret',
    updated_at: updatedAt === null ? null : updatedAt.toISOString(),
    updated_by: updatedBy,
  }
}

export function pageResource({ items, hasMore, total, limit }: RecordPage): SecretPageResource {
  return { items: items.map(secretResource), has_more: hasMore, total, limit, object: 'list' }
}

export function etagOf({ revision }: SecretRecord): string {
  return `"${revision}"`
}
