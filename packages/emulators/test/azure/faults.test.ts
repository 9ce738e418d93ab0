import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SecretClient } from '@azure/keyvault-secrets'
import { failureOf, innerCodeOf, startVault, type TestVault } from './vault.ts'

let vault: TestVault
let client: SecretClient
beforeEach(async () => {
  vault = await startVault()
  client = vault.client()
  await client.setSecret('a', 'first')
})
afterEach(async () => vault.stop())

const valueOf = async (): Promise<string> => (await vault.ask('GET', '/secrets/a')).body.value

describe('faults', () => {
  it.each(['throttle', 'reset', 'fail', 'answer'] as const)('%s: nothing is written', async kind => {
    vault.controls.inject(
      kind === 'fail' ? { kind, code: 'ServiceUnavailable' } : kind === 'answer' ? { kind, status: 502, body: '<html>' } : { kind },
    )
    await failureOf(client.setSecret('a', 'second'))
    expect(await valueOf()).toBe('first')
    expect(vault.controls.journal.at(-2)).toMatchObject({
      operation: 'SetSecret',
      name: 'a',
      fault: kind,
      answered: { throttle: 429, reset: 'none', fail: 503, answer: 502 }[kind],
    })
  })

  it('stall: nothing is written, and nothing is answered', async () => {
    vault.controls.inject({ kind: 'stall' })
    const abort = new AbortController()
    const call = failureOf(client.setSecret('a', 'second', { abortSignal: abort.signal }))
    await expect.poll(() => vault.controls.journal.at(-1)?.fault).toBe('stall')
    abort.abort()
    expect(await call).toMatchObject({ name: 'AbortError' })
    expect(await valueOf()).toBe('first')
  })

  it.each(['lose', 'cut'] as const)('%s: it is written, and the caller does not learn it', async kind => {
    vault.controls.inject({ kind })
    await failureOf(client.setSecret('a', 'second'))
    expect(await valueOf()).toBe('second')
    expect(vault.controls.journal.at(-2)).toMatchObject({ fault: kind, answered: kind === 'lose' ? 'none' : 200 })
  })

  it.each([
    { kind: 'slow', gapMs: 1 },
    { kind: 'delay', ms: 5 },
  ] as const)('$kind: it is written and answered', async fault => {
    vault.controls.inject(fault)
    expect((await client.setSecret('a', 'second')).value).toBe('second')
  })

  it('throttle has the wait in whole seconds, or none', async () => {
    vault.controls.inject({ kind: 'throttle', retryAfterMs: 1_200 })
    vault.controls.inject({ kind: 'throttle' })
    const answers = [await vault.ask('GET', '/secrets/a'), await vault.ask('GET', '/secrets/a')]
    expect(answers.map(({ status, headers, body }) => [status, headers['retry-after'], body.error.code])).toEqual([
      [429, '2', 'Throttled'],
      [429, undefined, 'Throttled'],
    ])
  })

  it('answer is passed on as it is', async () => {
    vault.controls.inject({ kind: 'answer', status: 502, body: '<html>' })
    expect(await vault.ask('GET', '/secrets')).toMatchObject({ status: 502, body: '<html>' })
  })

  it('a fault waits for its operation', async () => {
    vault.controls.inject({ kind: 'fail', code: 'InternalServerError' }, { operations: ['GetSecrets'], count: 2 })
    expect((await client.getSecret('a')).value).toBe('first')
    const statuses = []
    for (let count = 0; count < 3; count += 1) statuses.push((await vault.ask('GET', '/secrets')).status)
    expect(statuses).toEqual([500, 500, 200])
  })

  it.each([
    ['BadParameter', 400, 'BadParameter', undefined],
    ['Malformed backup blob', 400, 'Malformed backup blob', undefined],
    ['SecretTooLarge', 400, 'BadParameter', 'SecretTooLarge'],
    ['Unauthorized', 401, 'Unauthorized', undefined],
    ['Forbidden', 403, 'Forbidden', undefined],
    ['AccessDenied', 403, 'Forbidden', 'AccessDenied'],
    ['ForbiddenByFirewall', 403, 'Forbidden', 'ForbiddenByFirewall'],
    ['ForbiddenByPolicy', 403, 'Forbidden', 'ForbiddenByPolicy'],
    ['ForbiddenByRbac', 403, 'Forbidden', 'ForbiddenByRbac'],
    ['SecretDisabled', 403, 'Forbidden', 'SecretDisabled'],
    ['SecretManagedByKeyVault', 403, 'Forbidden', 'SecretManagedByKeyVault'],
    ['NotFound', 404, 'NotFound', undefined],
    ['SecretNotFound', 404, 'SecretNotFound', undefined],
    ['MethodNotAllowed', 405, 'MethodNotAllowed', undefined],
    ['Conflict', 409, 'Conflict', undefined],
    ['ObjectIsBeingDeleted', 409, 'Conflict', 'ObjectIsBeingDeleted'],
    ['ObjectIsBeingRecovered', 409, 'Conflict', 'ObjectIsBeingRecovered'],
    ['ObjectIsDeletedButRecoverable', 409, 'Conflict', 'ObjectIsDeletedButRecoverable'],
    ['Throttled', 429, 'Throttled', undefined],
    ['InternalServerError', 500, 'InternalServerError', undefined],
    ['ServiceUnavailable', 503, 'ServiceUnavailable', undefined],
  ])('fail with %s: %i', async (code, status, outer, inner) => {
    // A client whose token is refused asks for another, once.
    vault.controls.inject({ kind: 'fail', code }, { count: code === 'Unauthorized' ? 2 : 1 })
    const refused = await failureOf(client.getSecret('a'))
    expect([refused.statusCode, refused.code, innerCodeOf(refused)]).toEqual([status, outer, inner])
    expect((await client.getSecret('a')).value).toBe('first')
  })

  it('a code that Key Vault has not is refused at once', async () => {
    expect(() => vault.controls.inject({ kind: 'fail', code: 'ResourceNotFoundException' })).toThrow(RangeError)
    expect((await client.getSecret('a')).value).toBe('first')
  })
})

describe('permissions', () => {
  it('are by token, or by its principal', async () => {
    const own = vault.issueToken('reader')
    const same = vault.issueToken('reader')
    vault.controls.permit('reader', { operations: ['GetSecret'] })
    vault.controls.permit(own, { operations: ['GetSecrets'] })
    const statusOf = async (token: string, path: string): Promise<number> => (await vault.ask('GET', path, { token })).status
    expect([await statusOf(own, '/secrets/a'), await statusOf(own, '/secrets')]).toEqual([403, 200])
    expect([await statusOf(same, '/secrets/a'), await statusOf(same, '/secrets')]).toEqual([200, 403])
    expect(await statusOf(vault.token, '/secrets/a')).toBe(401)
  })

  it('who may not: 403 by RBAC, and nothing happens', async () => {
    vault.controls.permit(vault.token, { operations: ['GetSecret'] })
    const name = 'a'
    const { version = '' } = (await client.getSecret(name)).properties
    const calls = {
      SetSecret: () => client.setSecret(name, 'second'),
      UpdateSecret: () => client.updateSecretProperties(name, version, { enabled: false }),
      DeleteSecret: () => client.beginDeleteSecret(name),
      GetSecrets: () => client.listPropertiesOfSecrets().next(),
      GetSecretVersions: () => client.listPropertiesOfSecretVersions(name).next(),
      GetDeletedSecret: () => client.getDeletedSecret(name),
      GetDeletedSecrets: () => client.listDeletedSecrets().next(),
      RecoverDeletedSecret: () => client.beginRecoverDeletedSecret('b'),
      PurgeDeletedSecret: () => client.purgeDeletedSecret(name),
      BackupSecret: () => client.backupSecret(name),
      RestoreSecret: () => client.restoreSecretBackup(new Uint8Array(8)),
    }
    for (const [operation, call] of Object.entries(calls)) {
      const refused = await failureOf(call())
      expect([operation, refused.statusCode]).toEqual([operation, 403])
      expect(vault.controls.journal.at(-1)).toMatchObject({ operation, answered: 403 })
    }
    const { body } = await vault.ask('PUT', '/secrets/a', { body: { value: 'second' } })
    expect(body.error).toMatchObject({ code: 'Forbidden', innererror: { code: 'ForbiddenByRbac' }, message: expect.stringContaining('SetSecret') })
    expect(await valueOf()).toBe('first')
  })

  it('end when they say, by the clock', async () => {
    vault.controls.permit(vault.token, { expiresInMs: 1_000 })
    expect((await client.getSecret('a')).value).toBe('first')
    vault.controls.clock.advance(1_000)
    expect((await failureOf(client.getSecret('a'))).statusCode).toBe(401)
  })
})

it('the journal has no value, no tag and no token', async () => {
  await client.setSecret('b', 'hunter2', { tags: { hunter3: 'hunter4' }, contentType: 'hunter5' })
  await client.getSecret('b')
  await vault.ask('GET', '/secrets', { query: { $skiptoken: 'hunter6' } })
  const text = JSON.stringify(vault.controls.journal)
  expect(text).not.toContain('hunter')
  expect(text).not.toContain(vault.token)
  expect(vault.controls.journal.at(-2)).toEqual({ at: expect.any(Number), operation: 'GetSecret', name: 'b', answered: 200, fault: undefined })
})

it('stops while a request is under way, and twice', async () => {
  vault.controls.inject({ kind: 'stall' })
  const call = failureOf(vault.ask('GET', '/secrets'))
  await expect.poll(() => vault.controls.journal.at(-1)?.fault).toBe('stall')
  await vault.stop()
  await vault.stop()
  expect(await call).toMatchObject({ code: 'ECONNRESET' })
})
