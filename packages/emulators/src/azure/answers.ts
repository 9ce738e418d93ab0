import { newest, type Secret, type Version } from './state.ts'

export interface VaultPlace {
  readonly url: string
  readonly recoverableDays: number
  readonly purgeProtection: boolean
}

type Json = Readonly<Record<string, unknown>>

const secondsOf = (ms: number): number => Math.floor(ms / 1000)

function attributesOf({ enabled, nbf, exp, created, updated }: Version, { recoverableDays, purgeProtection }: VaultPlace): Json {
  const level = `${recoverableDays === 90 ? 'Recoverable' : 'CustomizedRecoverable'}${purgeProtection ? '' : '+Purgeable'}`
  return { enabled, nbf, exp, created, updated, recoveryLevel: level, recoverableDays }
}

const idOf = (place: VaultPlace, { name }: Secret, version?: Version): string =>
  `${place.url}/secrets/${name}${version === undefined ? '' : `/${version.id}`}`

const common = (place: VaultPlace, { managed }: Secret, version: Version): Json => ({
  contentType: version.contentType,
  attributes: attributesOf(version, place),
  tags: version.tags,
  managed: managed ? true : undefined,
})

/** A secret with one version's value. */
export const bundleOf = (place: VaultPlace, secret: Secret, version: Version): Json => ({
  value: version.value,
  id: idOf(place, secret, version),
  ...common(place, secret, version),
  kid: version.kid,
})

/** The same without the value, as an update and a recovery answer it. */
export const quietBundleOf = (place: VaultPlace, secret: Secret, version: Version): Json => ({
  ...bundleOf(place, secret, version),
  value: undefined,
})

const deletionOf = (place: VaultPlace, { name, writtenAt, purgesAt }: Secret): Json => ({
  recoveryId: `${place.url}/deletedsecrets/${name}`,
  deletedDate: secondsOf(writtenAt),
  scheduledPurgeDate: secondsOf(purgesAt),
})

/** A deleted secret; no value. */
export const deletedBundleOf = (place: VaultPlace, secret: Secret): Json => ({
  ...deletionOf(place, secret),
  ...quietBundleOf(place, secret, newest(secret)),
})

/** A line of the list of secrets: no version in the id. */
export const itemOf = (place: VaultPlace, secret: Secret): Json => ({ id: idOf(place, secret), ...common(place, secret, newest(secret)) })

/** A line of the list of versions. */
export const versionItemOf = (place: VaultPlace, secret: Secret, version: Version): Json => ({
  id: idOf(place, secret, version),
  ...common(place, secret, version),
})

/** A line of the list of deleted secrets. */
export const deletedItemOf = (place: VaultPlace, secret: Secret): Json => ({ ...deletionOf(place, secret), ...itemOf(place, secret) })
