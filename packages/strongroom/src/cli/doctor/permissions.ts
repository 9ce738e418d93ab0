import type { CustomStore } from '../../config/check.ts'
import type { StoreConfig } from '../../config/schema.ts'
import type { Operation } from './report.ts'

/** What an operation is refused without: `before` anything was written, or `after` its first request has written. */
export interface Needs {
  readonly before: readonly string[]
  readonly after?: readonly string[]
  /** What is not there shows only a part of it: the rest is asked for where there is a secret. */
  readonly inPart?: boolean
}

/** A backend's own names of permissions, as the README of its adapter lists them under "Calls and permissions". */
export interface Permissions {
  readonly needs: Readonly<Partial<Record<Operation, Needs>>>
  /** The line that gives one of them. */
  readonly grant: (permission: string) => string
  readonly source: string
}

/** `base`: what the native path of everything that a registry makes begins with. Undefined for what knows no permissions. */
export function permissionsOf(store: StoreConfig | CustomStore, base: string): Permissions | undefined {
  const own = store as StoreConfig
  switch (own.type) {
    case 'aws':
      return aws(own, base)
    case 'gcp':
      return gcp(own)
    case 'azure':
      return azure(own)
    case 'vault':
      return vault(own, base)
    case 'local':
    case 'memory':
      return undefined
  }
}

function aws({ region, accountId = '*', kmsKeyId }: Extract<StoreConfig, { readonly type: 'aws' }>, base: string): Permissions {
  const action = (name: string): string => `secretsmanager:${name}`
  const [describe, stage] = [action('DescribeSecret'), action('UpdateSecretVersionStage')]
  const kms = kmsKeyId === undefined ? [] : ['kms:GenerateDataKey']
  const kmsRead = kmsKeyId === undefined ? [] : ['kms:Decrypt']
  return {
    needs: {
      list: { before: [action('ListSecrets')] },
      read: { before: [action('GetSecretValue'), ...kmsRead], inPart: kmsRead.length > 0 },
      versions: { before: [describe, action('ListSecretVersionIds')], inPart: true },
      create: { before: [action('CreateSecret'), action('TagResource'), ...kms] },
      append: { before: [action('PutSecretValue'), ...kms] },
      promote: { before: [stage] },
      destroyVersion: { before: [describe, stage], after: [stage] },
      remove: { before: [action('DeleteSecret')] },
      restore: { before: [action('RestoreSecret')] },
      purge: { before: [action('DeleteSecret')] },
    },
    grant: permission => {
      const resource = permission.startsWith('kms:')
        ? (kmsKeyId ?? '*')
        : permission === action('ListSecrets')
          ? '*'
          : `arn:aws:secretsmanager:${region}:${accountId}:secret:${base}*`
      return `{ "Effect": "Allow", "Action": "${permission}", "Resource": "${resource}" }`
    },
    source: 'Calls and permissions in the README of @strongroom/aws',
  }
}

/** The roles that have a permission, the narrowest first: https://cloud.google.com/secret-manager/docs/access-control */
const GOOGLE_ROLES: Readonly<Record<string, string>> = {
  'secretmanager.versions.access': 'roles/secretmanager.secretAccessor',
  'secretmanager.versions.add': 'roles/secretmanager.secretVersionAdder',
  'secretmanager.versions.destroy': 'roles/secretmanager.secretVersionManager',
  'secretmanager.versions.get': 'roles/secretmanager.viewer',
  'secretmanager.versions.list': 'roles/secretmanager.viewer',
  'secretmanager.secrets.get': 'roles/secretmanager.viewer',
  'secretmanager.secrets.list': 'roles/secretmanager.viewer',
}

function gcp({ projectId, versionAlias }: Extract<StoreConfig, { readonly type: 'gcp' }>): Permissions {
  const named = (name: string): string => `secretmanager.${name}`
  const alias = versionAlias === undefined ? [] : [named('secrets.get'), named('secrets.update')]
  return {
    needs: {
      list: { before: [named('secrets.list')] },
      read: { before: [named('versions.access')] },
      versions: { before: [named('versions.list'), named('versions.get'), ...alias.slice(0, 1)] },
      create: { before: [named('secrets.create')], after: [named('versions.add'), ...alias.slice(1)] },
      append: { before: [named('versions.add')], after: alias },
      promote: { before: alias },
      destroyVersion: { before: [named('versions.destroy')] },
      purge: { before: [named('secrets.delete')] },
    },
    grant: permission =>
      `project ${projectId}: a role with ${permission}, such as ${GOOGLE_ROLES[permission] ?? 'a custom role, or roles/secretmanager.admin'}`,
    source: 'Calls and permissions in the README of @strongroom/gcp',
  }
}

function azure({ vaultUrl }: Extract<StoreConfig, { readonly type: 'azure' }>): Permissions {
  return {
    needs: {
      list: { before: ['secrets/list'] },
      read: { before: ['secrets/get'] },
      versions: { before: ['secrets/list'] },
      create: { before: ['secrets/list', 'secrets/set'] },
      append: { before: ['secrets/list', 'secrets/set'] },
      destroyVersion: { before: ['secrets/set'] },
      remove: { before: ['secrets/delete'] },
      restore: { before: ['secrets/recover'] },
      purge: { before: ['secrets/delete', 'secrets/purge'], after: ['secrets/purge'] },
    },
    grant: permission =>
      `${vaultUrl}: the role ${permission === 'secrets/get' ? 'Key Vault Secrets User' : 'Key Vault Secrets Officer'}, or ${permission} in the vault’s access policy`,
    source: 'Calls and permissions in the README of @strongroom/azure',
  }
}

function vault({ mount = 'secret' }: Extract<StoreConfig, { readonly type: 'vault' }>, base: string): Permissions {
  const at = (part: string, capability: string): string => `${capability} on ${mount}/${part}/${base}*`
  // A folder is listed by its own path; what follows the last slash of the base is looked for in it.
  const folder = base.slice(0, base.lastIndexOf('/') + 1)
  return {
    needs: {
      list: { before: [`list on ${mount}/metadata/${folder}*`] },
      read: { before: [at('data', 'read')] },
      versions: { before: [at('metadata', 'read')] },
      create: { before: [at('data', 'create')], after: [at('metadata', 'update')] },
      // The last where the secret has too little room for another version.
      append: { before: [at('metadata', 'read'), at('data', 'update'), at('metadata', 'update')] },
      destroyVersion: { before: [at('destroy', 'update')] },
      purge: { before: [at('metadata', 'delete')] },
    },
    grant: permission => {
      const [, capability = '', path = ''] = /^(\w+) on (.*)$/.exec(permission) ?? []
      return `path "${path}" { capabilities = ["${capability}"] }`
    },
    source: 'Calls and permissions in the README of @strongroom/vault',
  }
}
