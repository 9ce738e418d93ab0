import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startVault, type Answered, type TestVault } from './vault.ts'

// There is no vault of the vendor's to run beside this one. Its SDK repositories keep recordings of the real service, and issues
// quote its answers: here each is asked of the emulator, and must be answered in the same shape, the order of fields included.
// What is the vault's own is put in its place: <vault>, <version>, <time>, <token>.
//
// NET: github.com/Azure/azure-sdk-for-net sdk/keyvault/Azure.Security.KeyVault.Secrets/tests/SessionRecords/SecretClientLiveTests
// JS:  github.com/Azure/azure-sdk-for-js sdk/keyvault/keyvault-secrets/recordings/node

const WINDOW = 20_000
const SECONDS = /"(created|updated|deletedDate|scheduledPurgeDate)":\d+/g

let vault: TestVault
beforeAll(async () => {
  vault = await startVault({ recoverableDays: 7, deleteDelayMs: WINDOW, recoverDelayMs: WINDOW, purgeDelayMs: WINDOW })
})
afterAll(async () => vault.stop())

const shapeOf = ({ body }: Answered): string =>
  JSON.stringify(body)
    .replaceAll(vault.vaultUrl, '<vault>')
    .replaceAll(/\/[0-9a-f]{32}"/g, '/<version>"')
    .replaceAll(SECONDS, '"$1":"<time>"')
    .replaceAll(/(\$skiptoken=)[^&"]+/g, '$1<token>')

const answers = async (asked: Promise<Answered>, status: number, shape: object): Promise<void> => {
  const answered = await asked
  expect([answered.status, shapeOf(answered)]).toEqual([status, JSON.stringify(shape)])
}

const pass = (): void => vault.controls.clock.advance(WINDOW)

const ATTRIBUTES = { enabled: true, created: '<time>', updated: '<time>', recoveryLevel: 'CustomizedRecoverable+Purgeable', recoverableDays: 7 }
const GONE = 'If you recently deleted this secret you may be able to recover it using the correct recovery command.'
const HELP = 'For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182'
const notFound = (name: string): object => ({
  error: { code: 'SecretNotFound', message: `A secret with (name/id) ${name} was not found in this key vault. ${GONE} ${HELP}` },
})

describe('NET StartRecoverDeletedSecret.json (api-version 7.4, March 2023)', () => {
  const ask = (method: string, path: string, body?: object): ReturnType<TestVault['ask']> => vault.ask(method, path, { apiVersion: '7.4', body })

  it('401 without a token', async () => {
    const message = 'AKV10000: Request is missing a Bearer or PoP token.'
    const asked = vault.ask('PUT', '/secrets/174', { apiVersion: '7.4', token: undefined })
    await answers(asked, 401, { error: { code: 'Unauthorized', message } })
    const { headers } = await asked
    expect(headers['content-type']).toBe('application/json; charset=utf-8')
    // Recorded with login.windows.net; current documentation says login.microsoftonline.com.
    expect(headers['www-authenticate']).toMatch(/^Bearer authorization="https:\/\/[a-z.]+\/[0-9a-f-]{36}", resource="https:\/\/vault\.azure\.net"$/)
  })

  it('set, delete, recover: 404 until it is recovered', async () => {
    const id = '<vault>/secrets/174/<version>'
    await answers(ask('PUT', '/secrets/174', { value: 'value' }), 200, { value: 'value', id, attributes: ATTRIBUTES })
    const recoveryId = '<vault>/deletedsecrets/174'
    const deleted = { recoveryId, deletedDate: '<time>', scheduledPurgeDate: '<time>', id, attributes: ATTRIBUTES }
    const deletion = ask('DELETE', '/secrets/174')
    await answers(deletion, 200, deleted)
    const { scheduledPurgeDate, deletedDate } = (await deletion).body
    expect(scheduledPurgeDate - deletedDate).toBe(1_678_310_191 - 1_677_705_391)
    pass()
    await answers(ask('POST', '/deletedsecrets/174/recover'), 200, { id, attributes: ATTRIBUTES })
    await answers(ask('GET', '/secrets/174'), 404, notFound('174'))
    pass()
    await answers(ask('GET', '/secrets/174'), 200, { value: 'value', id, attributes: ATTRIBUTES })
    await answers(ask('GET', '/secrets/174/'), 200, { value: 'value', id, attributes: ATTRIBUTES })
  })

  it('NET StartRecoverDeletedSecretNonExisting.json: 404', async () => {
    await answers(ask('POST', '/deletedsecrets/104547240/recover'), 404, notFound('104547240'))
  })
})

it('NET UpdateTags.json (March 2022): the new tags are all there are, and the value is not answered', async () => {
  const first = await vault.ask('PUT', '/secrets/961', { body: { value: 'test', tags: { A: '1', B: '2' } } })
  const id = '<vault>/secrets/961/<version>'
  expect(shapeOf(first)).toBe(JSON.stringify({ value: 'test', id, attributes: ATTRIBUTES, tags: { A: '1', B: '2' } }))
  const path = new URL(first.body.id).pathname
  for (const tags of [{ A: '1', B: '3', C: '4' }, { D: '5' }]) {
    await answers(vault.ask('PATCH', path, { body: { attributes: { enabled: true }, tags } }), 200, { id, attributes: ATTRIBUTES, tags })
  }
})

it('NET GetPropertiesOfSecretVersions.json (March 2022): by id, not by time; 25 a page; maxresults only if it was asked for', async () => {
  for (let count = 0; count < 26; count += 1) await vault.ask('PUT', '/secrets/182', { body: { value: `${count}` } })
  const asked = vault.ask('GET', '/secrets/182/versions')
  const item = { id: '<vault>/secrets/182/<version>', attributes: ATTRIBUTES }
  const nextLink = '<vault>/secrets/182/versions?api-version=7.6&$skiptoken=<token>'
  await answers(asked, 200, { value: Array.from({ length: 25 }, () => item), nextLink })
  const ids = (await asked).body.value.map(({ id }: { readonly id: string }) => id)
  expect(ids).toEqual(ids.toSorted())
})

it('NET GetSecretVersionsNonExisting.json (July 2021): no versions, not 404', async () => {
  await answers(vault.ask('GET', '/secrets/91945129/versions'), 200, { value: [], nextLink: null })
})

it('NET RestoreMalformedBackup.json (February 2021): a code with blanks', async () => {
  const error = { code: 'Malformed backup blob', message: 'Backup blob is corrupt.' }
  await answers(vault.ask('POST', '/secrets/restore', { body: { value: 'bm9uLWV4aXN0aW5n' } }), 400, { error })
})

it('JS restore_secrets_and_recover_backups/recording_can_restore_a_secret.js (2021): a taken name is a conflict without an inner code', async () => {
  await vault.ask('PUT', '/secrets/backed', { body: { value: 'x' } })
  const { body } = await vault.ask('POST', '/secrets/backed/backup')
  const { status, body: refused } = await vault.ask('POST', '/secrets/restore', { body })
  expect([status, Object.keys(refused.error), refused.error.code]).toEqual([409, ['code', 'message'], 'Conflict'])
  expect(refused.error.message).toContain("There was a conflict restoring the secret '")
})

describe('JS create_read_update_and_delete_operations', () => {
  it('recording_cannot_create_a_secret_with_an_empty_name.js (June 2022)', async () => {
    const error = { code: 'MethodNotAllowed', message: 'HTTP PUT not allowed' }
    await answers(vault.ask('PUT', '/secrets/', { body: { value: 'x', attributes: {} } }), 405, { error })
  })

  it('recording_cant_get_a_disabled_secret.js (2021)', async () => {
    await vault.ask('PUT', '/secrets/off', { body: { value: 'x', attributes: { enabled: false } } })
    const message = 'Operation get is not allowed on a disabled secret.'
    await answers(vault.ask('GET', '/secrets/off/'), 403, { error: { code: 'Forbidden', message, innererror: { code: 'SecretDisabled' } } })
  })

  it('recording_can_update_a_disabled_secret.js (June 2019): without a version the newest is updated', async () => {
    await vault.ask('PUT', '/secrets/newest', { body: { value: 'x', tags: { t: 'old' } } })
    await vault.ask('PUT', '/secrets/newest', { body: { value: 'y', attributes: { enabled: false } } })
    const { enabled: _, ...others } = ATTRIBUTES
    const attributes = { enabled: false, exp: 32_503_680_000, ...others }
    const asked = vault.ask('PATCH', '/secrets/newest/', { body: { attributes: { exp: 32_503_680_000 } } })
    await answers(asked, 200, { id: '<vault>/secrets/newest/<version>', attributes })
  })

  it('recording_can_set_a_secret_with_attributes.js (April 2020): not among the deleted for some time', async () => {
    const own = await startVault({ recoverableDays: 90, deleteDelayMs: WINDOW })
    const { body } = await own.ask('PUT', '/secrets/attributes', { body: { value: 'SECRET_VALUE', attributes: { exp: 32_503_680_000 } } })
    expect(Object.entries(body.attributes).map(([name, value]) => (name === 'created' || name === 'updated' ? name : [name, value]))).toEqual([
      ['enabled', true],
      ['exp', 32_503_680_000],
      'created',
      'updated',
      ['recoveryLevel', 'Recoverable+Purgeable'],
      ['recoverableDays', 90],
    ])
    const deletion = await own.ask('DELETE', '/secrets/attributes')
    expect(deletion.body.scheduledPurgeDate - deletion.body.deletedDate).toBe(1_595_821_143 - 1_588_045_143)
    const early = await own.ask('GET', '/deletedsecrets/attributes')
    expect([early.status, early.body]).toEqual([404, { error: { code: 'SecretNotFound', message: 'Deleted Secret not found: attributes' } }])
    own.controls.clock.advance(WINDOW)
    expect((await own.ask('GET', '/deletedsecrets/attributes')).body).toEqual(deletion.body)
    await own.stop()
  })
})

describe('quoted in issues', () => {
  const conflict = (message: string, code: string): object => ({ error: { code: 'Conflict', message, innererror: { code } } })
  const set = (name: string): ReturnType<TestVault['ask']> => vault.ask('PUT', `/secrets/${name}`, { body: { value: 'x' } })

  it('names that are taken', async () => {
    await set('foo')
    await vault.ask('DELETE', '/secrets/foo')
    // hashicorp/terraform-provider-azurerm#10454
    await answers(vault.ask('DELETE', '/deletedsecrets/foo'), 409, conflict('Secret is currently being deleted.', 'ObjectIsBeingDeleted'))
    pass()
    // Azure/azure-powershell#14800
    const held = 'its name cannot be reused; in this state, the secret can only be recovered or purged.'
    await answers(
      set('foo'),
      409,
      conflict(`Secret foo is currently in a deleted but recoverable state, and ${held}`, 'ObjectIsDeletedButRecoverable'),
    )
    await vault.ask('POST', '/deletedsecrets/foo/recover')
    // hashicorp/terraform-provider-azurerm#12285
    const recovering = 'Secret foo is currently being recovered and cannot be re-created; retry later.'
    await answers(set('foo'), 409, conflict(recovering, 'ObjectIsBeingRecovered'))
    pass()
    await vault.ask('DELETE', '/secrets/foo')
    pass()
    expect((await vault.ask('DELETE', '/deletedsecrets/foo')).status).toBe(204)
    // Azure/azure-sdk-for-net#34322, #26027: purged, found nowhere, and still there
    const deleting = 'Secret foo is currently being deleted and cannot be re-created; retry later.'
    await answers(set('foo'), 409, conflict(deleting, 'ObjectIsBeingDeleted'))
    await answers(vault.ask('GET', '/secrets/foo'), 404, notFound('foo'))
    expect((await vault.ask('GET', '/deletedsecrets/foo')).status).toBe(404)
    pass()
    expect((await set('foo')).status).toBe(200)
  })

  it('Azure/sap-automation#200: purge protection, without an inner code', async () => {
    const own = await startVault({ purgeProtection: true, vaultName: 'XXX' })
    await own.ask('PUT', '/secrets/a', { body: { value: 'x' } })
    await own.ask('DELETE', '/secrets/a')
    const why = 'Key Vault service will automatically purge it after the retention period has passed.'
    const message = `Operation "purge" is not allowed because purge protection is enabled for this vault. ${why}\r\nVault: XXX;location=emulator`
    expect((await own.ask('DELETE', '/deletedsecrets/a')).body).toEqual({ error: { code: 'Forbidden', message } })
    await own.stop()
  })

  it('vcsjones/AzureSignTool#219: throttled', async () => {
    vault.controls.inject({ kind: 'throttle' })
    const message = 'Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached'
    await answers(vault.ask('GET', '/secrets/foo'), 429, { error: { code: 'Throttled', message } })
  })

  it('a log of Ratify: what is no version is taken for an operation', async () => {
    const error = { code: 'BadParameter', message: "Method GET does not allow operation 'invalidVersion'" }
    await answers(vault.ask('GET', '/secrets/foo/invalidVersion'), 400, { error })
  })

  it('a test of the Rust SDK: a wrong name', async () => {
    const error = { code: 'BadParameter', message: 'The request URI contains an invalid name: secret_name' }
    await answers(vault.ask('GET', '/secrets/secret_name'), 400, { error })
  })
})
