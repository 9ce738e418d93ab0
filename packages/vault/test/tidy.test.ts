import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missing, startOwnVault, suite, type Vault } from './vault.ts'

describe.skipIf(missing !== undefined)(suite('what the tests make on a server that is in use'), () => {
  let vault: Vault
  beforeAll(async () => {
    vault = await startOwnVault()
  })
  afterAll(() => vault?.stop())

  const namesAt = async (method: string, path: string): Promise<readonly string[]> => {
    const { data } = (await vault.ask(method, path)).body as { readonly data?: Readonly<Record<string, unknown>> }
    const { keys } = (data ?? {}) as { readonly keys?: readonly string[] }
    return (keys ?? Object.keys(data ?? {})).toSorted()
  }
  const inventory = async (): Promise<object> => ({
    mounts: await namesAt('GET', 'sys/mounts'),
    methods: await namesAt('GET', 'sys/auth'),
    policies: await namesAt('GET', 'sys/policies/acl?list=true'),
    tokens: await namesAt('GET', 'auth/token/accessors?list=true'),
    entities: await namesAt('GET', 'identity/entity/id?list=true'),
  })

  it('is all taken back: mounts, auth methods, policies, tokens (one that is revoked already too) and the entities of logins', async () => {
    const before = await inventory()
    const mount = await vault.mount()
    const approle = await vault.authMethod('approle')
    await vault.admin('POST', `auth/${approle}/role/app`, { bind_secret_id: false, secret_id_bound_cidrs: ['127.0.0.1/32'] })
    const { data } = await vault.admin<{ readonly data: { readonly role_id: string } }>('GET', `auth/${approle}/role/app/role-id`)
    await vault.admin('POST', `auth/${approle}/login`, { role_id: data.role_id })
    await vault.tokenFor({ [`${mount}/data/*`]: ['read'] })
    await vault.admin('POST', 'auth/token/revoke', { token: await vault.tokenFor({ [`${mount}/data/*`]: ['read'] }) })
    expect(await inventory()).not.toEqual(before)
    await vault.tidy()
    expect(await inventory()).toEqual(before)
  })
})
