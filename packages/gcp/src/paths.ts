import { finding, type NativePath, type VersionId } from '@strongroom/core/driver-support'

const NAME = /^[a-zA-Z0-9_-]{1,255}$/
const NUMBER = /^[1-9]\d{0,14}$/

/** Projects, and for a region its location: what secrets are in. */
export function parentOf({ projectId, region }: { readonly projectId: string; readonly region?: string | undefined }): string {
  return `projects/${projectId}${region === undefined ? '' : `/locations/${region}`}`
}

/** @throws DriverFinding `invalid_argument` for a path that Google does not take: as a part of a URL it could mean something else */
export function nameIn(parent: string, path: NativePath): string {
  if (NAME.test(path)) return `${parent}/secrets/${path}`
  throw finding('invalid_argument', { hint: 'the name of a secret is 1 to 255 of A-Z a-z 0-9 _ - in Google Secret Manager' })
}

/** What a listed name can begin with. */
export function isPrefix(prefix: string): boolean {
  return prefix === '' || NAME.test(prefix)
}

/** A version's id is its number, from 1. `latest` and aliases are none: they move. */
export function isVersion(id: string): boolean {
  return NUMBER.test(id)
}

export function idOf(number: number): VersionId {
  return String(number) as VersionId
}

/** @throws DriverFinding `not_found` for an id that Google never makes, such as `latest` */
export function numberOfId(version: VersionId): number {
  if (!isVersion(version)) throw finding('not_found')
  return Number(version)
}
