import { DAY_MS, type Secret, type SecretView, type VersionView } from './secret.ts'

export function called({ arn, name }: Secret): { readonly ARN: string; readonly Name: string } {
  return { ARN: arn, Name: name }
}

export function next({ NextToken }: { readonly NextToken?: string }): { readonly NextToken?: string } {
  return NextToken === undefined ? {} : { NextToken }
}

export function described(view: Omit<SecretView, 'versions'>): object {
  const { name, arn, description, kmsKeyId, tags, createdAt, changedAt, accessedAt, deletedAt } = view
  return {
    ARN: arn,
    Name: name,
    ...(description === '' ? {} : { Description: description }),
    ...(kmsKeyId === '' ? {} : { KmsKeyId: kmsKeyId }),
    CreatedDate: seconds(createdAt),
    LastChangedDate: seconds(changedAt),
    ...(accessedAt === undefined ? {} : { LastAccessedDate: day(accessedAt) }),
    ...(deletedAt === undefined ? {} : { DeletedDate: seconds(deletedAt) }),
    ...(tags.length === 0 ? {} : { Tags: tags }),
  }
}

export function labelled(versions: readonly VersionView[]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(versions.filter(({ stages }) => stages.length > 0).map(({ id, stages }) => [id, stages]))
}

/** Times are seconds since 1970, with milliseconds. */
export function seconds(ms: number): number {
  return ms / 1000
}

/** Reads are dated by the day only. */
export function day(ms: number): number {
  return seconds(Math.floor(ms / DAY_MS) * DAY_MS)
}
