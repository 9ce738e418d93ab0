import type { WireAnswer } from '../shared/http-server.ts'
import { bundleOf, deletedBundleOf, deletedItemOf, itemOf, quietBundleOf, versionItemOf } from './answers.ts'
import { json, Refusal } from './errors.ts'
import { bodyOf, checkName, checkVersion, pageSizeOf, settingsOf, valueOf } from './limits.ts'
import type { Pages } from './pages.ts'
import { keyOf, newest, newVersionId, type Secret, type Version } from './state.ts'
import { notFound, type Vault } from './vault.ts'

/** What a route found in a request; `''` where the path has none. */
interface Asked {
  readonly name: string
  readonly version: string
  readonly query: URLSearchParams
  readonly body: Buffer
}

export type Operation = (asked: Asked) => WireAnswer

const OK = 200

/** What each operation does and answers. */
export function operationsOf(vault: Vault, pages: Pages): Readonly<Record<string, Operation>> {
  const page = <T>(path: string, { query }: Asked, items: readonly T[], key: (item: T) => string, show: (item: T) => unknown): WireAnswer => {
    const asked = query.get('maxresults')
    const { items: shown, next } = pages.cut(path.toLowerCase(), items, key, { size: pageSizeOf(asked), token: query.get('$skiptoken') })
    const kept = asked === null ? '' : `&maxresults=${asked}`
    const nextLink = next === undefined ? null : `${vault.url}${path}?api-version=${query.get('api-version')}&$skiptoken=${next}${kept}`
    return json(OK, { value: shown.map(show), nextLink })
  }

  return {
    SetSecret: ({ name, body }) => {
      checkName(name)
      const fields = bodyOf(body)
      const value = valueOf(fields)
      const settings = settingsOf(fields)
      const { seconds } = vault
      const times = { created: seconds, updated: seconds }
      const version: Version = { id: newVersionId(), value, ...settings, ...times, enabled: settings.enabled ?? true, kid: undefined }
      return json(OK, bundleOf(vault.place, vault.add(name, version), version))
    },

    GetSecret: ({ name, version }) => {
      checkName(name)
      if (version !== '') checkVersion(version, 'GET')
      const secret = vault.active(name)
      const found = versionOf(secret, version)
      if (!found.enabled) throw new Refusal('SecretDisabled')
      return json(OK, bundleOf(vault.place, secret, found))
    },

    UpdateSecret: ({ name, version, body }) => {
      checkName(name)
      if (version !== '') checkVersion(version, 'PATCH')
      const settings = settingsOf(bodyOf(body))
      const secret = vault.active(name)
      vault.checkNotManaged(secret, 'update')
      const named = Object.fromEntries(Object.entries(settings).filter(([, setting]) => setting !== undefined))
      const updated: Version = { ...versionOf(secret, version), ...named, updated: vault.seconds }
      return json(OK, quietBundleOf(vault.place, vault.replace(secret, updated), updated))
    },

    DeleteSecret: ({ name }) => {
      const secret = vault.active(name)
      vault.checkNotManaged(secret, 'delete')
      return json(OK, deletedBundleOf(vault.place, vault.remove(secret)))
    },

    GetSecrets: asked =>
      page(
        '/secrets',
        asked,
        vault.listed('active'),
        ({ name }) => keyOf(name),
        secret => itemOf(vault.place, secret),
      ),

    GetSecretVersions: asked => {
      checkName(asked.name)
      const versions = vault.listedVersions(asked.name)
      const show = ([secret, version]: readonly [Secret, Version]): unknown => versionItemOf(vault.place, secret, version)
      return page(`/secrets/${asked.name}/versions`, asked, versions, ([, { id }]) => id, show)
    },

    GetDeletedSecret: ({ name }) => json(OK, deletedBundleOf(vault.place, vault.deleted(name))),

    GetDeletedSecrets: asked =>
      page(
        '/deletedsecrets',
        asked,
        vault.listed('deleted'),
        ({ name }) => keyOf(name),
        secret => deletedItemOf(vault.place, secret),
      ),

    RecoverDeletedSecret: ({ name }) => {
      const secret = vault.recover(name)
      return json(OK, quietBundleOf(vault.place, secret, newest(secret)))
    },

    PurgeDeletedSecret: ({ name }) => {
      vault.purge(name)
      return { status: 204, body: '' }
    },

    BackupSecret: ({ name }) => json(OK, { value: vault.backup(vault.active(name)) }),

    RestoreSecret: ({ body }) => {
      const { value } = bodyOf(body)
      if (typeof value !== 'string') throw new Refusal('BadParameter', 'The property value is needed, and is text.')
      const secret = vault.restore(value)
      return json(OK, quietBundleOf(vault.place, secret, newest(secret)))
    },
  }
}

/** `''`: the newest. */
function versionOf(secret: Secret, version: string): Version {
  const found = version === '' ? newest(secret) : secret.versions.find(({ id }) => id === version.toLowerCase())
  if (found === undefined) throw notFound(`${secret.name}/${version}`)
  return found
}
