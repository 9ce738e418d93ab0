import {
  BatchGetSecretValueCommand,
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
} from '@aws-sdk/client-secrets-manager'
import { describe, expect, it } from 'vitest'
import { startAwsEmulator } from '../../src/aws/index.ts'
import { nameOf, newAccount, plain, type Account } from './account.ts'
import { token } from './client.ts'

const SCOPE = '20260101/eu-west-1/secretsmanager/aws4_request'
const DAY_MS = 86_400_000

describe('faults', () => {
  it.each([
    ['throttle', { kind: 'throttle', retryAfterMs: 1_500 }, 'ThrottlingException', false],
    ['fail', { kind: 'fail', code: 'InternalServiceError' }, 'InternalServiceError', false],
    ['answer', { kind: 'answer', status: 502, body: '<html>' }, 'SyntaxError', false],
    ['reset', { kind: 'reset' }, 'TimeoutError', false],
    ['lose', { kind: 'lose' }, 'TimeoutError', true],
    ['cut', { kind: 'cut' }, 'Error', true],
    ['slow', { kind: 'slow', gapMs: 5 }, 'success', true],
    ['delay', { kind: 'delay', ms: 5 }, 'success', true],
  ] as const)('%s: the SDK fails as it does on AWS, and the write is applied or not', async (_, fault, name, applied) => {
    const { client, emulator, create, read } = bound(await newAccount())
    await create('a')
    emulator.controls.inject(fault, { operations: ['PutSecretValue'] })
    await read('a') // another operation does not meet it
    expect(await nameOf(client.send(new PutSecretValueCommand({ SecretId: 'a', SecretString: 'two' })))).toBe(name)
    expect(await read('a')).toBe(applied ? 'two' : 'one')
    expect(emulator.controls.journal.filter(entry => entry.fault !== undefined).map(({ operation, fault }) => [operation, fault])).toEqual([
      ['PutSecretValue', fault.kind],
    ])
  })

  it('stall: the request is never answered and not applied', async () => {
    const { client, emulator, create, read } = bound(await newAccount())
    await create('a')
    emulator.controls.inject({ kind: 'stall' })
    const abort = new AbortController()
    const put = nameOf(client.send(new PutSecretValueCommand({ SecretId: 'a', SecretString: 'two' }), { abortSignal: abort.signal }))
    await expect.poll(() => emulator.controls.journal.at(-1)?.fault).toBe('stall')
    abort.abort()
    expect(await put).toBe('AbortError')
    expect(await read('a')).toBe('one')
  })

  it('throttling has a Retry-After in whole seconds', async () => {
    const { client, emulator } = await newAccount()
    emulator.controls.inject({ kind: 'throttle', retryAfterMs: 1_500 })
    const error: unknown = await client.send(new ListSecretsCommand({})).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ message: 'Rate exceeded', $response: { statusCode: 400, headers: { 'retry-after': '2' } } })
  })

  it.each([
    'DecryptionFailure',
    'EncryptionFailure',
    'LimitExceededException',
    'PreconditionNotMetException',
    'ServiceUnavailable',
    'ExpiredTokenException',
  ])('fail takes %s, one of the names of AWS', async code => {
    const { client, emulator } = await newAccount()
    emulator.controls.inject({ kind: 'fail', code })
    expect(await nameOf(client.send(new ListSecretsCommand({})))).toBe(code)
  })

  it('a code that AWS has not is refused at once', async () => {
    const { emulator } = await newAccount()
    expect(() => emulator.controls.inject({ kind: 'fail', code: 'SecretNotFound' })).toThrow(RangeError)
  })
})

describe('permissions', () => {
  it('without any, every credential may do everything; with the first one, only those that are named', async () => {
    const account = await newAccount()
    await account.create('a')
    expect(await account.read('a', account.as('anyone'))).toBe('one')
    account.emulator.controls.permit('reader', { operations: ['GetSecretValue'] })
    expect(await account.read('a', account.as('reader'))).toBe('one')
    expect(await nameOf(account.read('a', account.as('anyone')))).toBe('UnrecognizedClientException')
  })

  it('a denial says who, what and where, as AWS does', async () => {
    const account = await newAccount({ accountId: '111122223333' })
    account.emulator.controls.permit('reader', { operations: ['GetSecretValue'] })
    const reader = account.as('reader')
    const error: unknown = await reader.send(new PutSecretValueCommand({ SecretId: 'a', SecretString: 'two' })).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      name: 'AccessDeniedException',
      message:
        'User: arn:aws:iam::111122223333:user/someone is not authorized to perform: secretsmanager:PutSecretValue on resource: a because no identity-based policy allows the secretsmanager:PutSecretValue action',
    })
  })

  it('a batch needs both permissions, the second one for each secret; tags need TagResource', async () => {
    const account = await newAccount()
    await account.create('a')
    account.emulator.controls.permit('manager', { operations: ['BatchGetSecretValue', 'CreateSecret'] })
    const manager = account.as('manager')
    const answer = await manager.send(new BatchGetSecretValueCommand({ SecretIdList: ['a'] }))
    expect([answer.SecretValues, answer.Errors?.map(({ SecretId, ErrorCode }) => [SecretId, ErrorCode])]).toEqual([
      [],
      [['a', 'AccessDeniedException']],
    ])
    expect(await nameOf(manager.send(new BatchGetSecretValueCommand({ Filters: [{ Key: 'name', Values: ['a'] }] })))).toBe('AccessDeniedException')
    await manager.send(new CreateSecretCommand({ Name: 'b', SecretString: 'one' }))
    const tagged = new CreateSecretCommand({ Name: 'c', SecretString: 'one', Tags: [{ Key: 'a', Value: 'b' }] })
    expect(await nameOf(manager.send(tagged))).toBe('AccessDeniedException')
  })

  it('a credential expires by the clock', async () => {
    const account = await newAccount()
    account.emulator.controls.permit('someone')
    account.emulator.controls.permit('guest', { expiresInMs: 60_000 })
    await account.create('a')
    const guest = account.as('guest')
    account.emulator.controls.clock.advance(59_000)
    expect(await account.read('a', guest)).toBe('one')
    account.emulator.controls.clock.advance(1_000)
    expect(await nameOf(account.read('a', guest))).toBe('ExpiredTokenException')
    expect(await account.read('a')).toBe('one')
  })

  it.each([
    ['no signature', '', 'MissingAuthenticationTokenException'],
    ['something else than a signature', 'Bearer abc', 'IncompleteSignatureException'],
    [
      'another region',
      `AWS4-HMAC-SHA256 Credential=a/${SCOPE.replace('eu-west-1', 'us-east-1')}, SignedHeaders=host, Signature=0`,
      'InvalidSignatureException',
    ],
    [
      'another service',
      `AWS4-HMAC-SHA256 Credential=a/${SCOPE.replace('secretsmanager', 'ssm')}, SignedHeaders=host, Signature=0`,
      'InvalidSignatureException',
    ],
  ])('%s is refused', async (_, authorization, code) => {
    const { emulator } = await newAccount()
    const headers = { 'x-amz-target': 'secretsmanager.ListSecrets', ...(authorization === '' ? {} : { authorization }) }
    const { status, body } = await plain(emulator.url, headers, '{}')
    expect([status, (JSON.parse(body) as { readonly __type: string }).__type]).toEqual([400, `com.amazon.coral.service#${code}`])
  })

  it.each([
    ['an operation that there is not', 'secretsmanager.constructor', '{}', 'UnknownOperationException'],
    ['an operation that is not imitated', 'secretsmanager.RotateSecret', '{}', 'UnknownOperationException'],
    ['another service', 'AmazonSSM.GetParameter', '{}', 'UnknownOperationException'],
    ['half a body', 'secretsmanager.ListSecrets', '{', 'SerializationException'],
    ['a list as body', 'secretsmanager.ListSecrets', '[]', 'SerializationException'],
    ['a number for text', 'secretsmanager.GetSecretValue', '{"SecretId":1}', 'SerializationException'],
    ['text for a number', 'secretsmanager.ListSecrets', '{"MaxResults":"1"}', 'SerializationException'],
    ['text for a list', 'secretsmanager.ListSecrets', '{"Filters":"name"}', 'SerializationException'],
  ])('%s is refused', async (_, target, body, code) => {
    const { emulator } = await newAccount()
    const headers = { 'x-amz-target': target, authorization: `AWS4-HMAC-SHA256 Credential=a/${SCOPE}, SignedHeaders=host, Signature=0` }
    expect(JSON.parse((await plain(emulator.url, headers, body)).body)).toMatchObject({ __type: `com.amazon.coral.service#${code}` })
  })

  it('who sends a write without a token is told so, as the SDK never is', async () => {
    const { emulator } = await newAccount()
    const headers = {
      'x-amz-target': 'secretsmanager.CreateSecret',
      authorization: `AWS4-HMAC-SHA256 Credential=a/${SCOPE}, SignedHeaders=host, Signature=0`,
    }
    expect(JSON.parse((await plain(emulator.url, headers, '{"Name":"a"}')).body)).toEqual({
      __type: 'InvalidRequestException',
      Message: 'You must provide a ClientRequestToken value. We recommend a UUID-type value.',
    })
  })
})

describe('lag', () => {
  it('lists and descriptions show what was before a change, reads of values do not', async () => {
    const account = await newAccount()
    const { controls } = account.emulator
    const { VersionId: first } = await account.create('a', { ClientRequestToken: token(1) })
    controls.lag.lists = 1_000
    await account.create('b')
    await account.put('a', 'two')
    const look = async (): Promise<unknown> => {
      const { SecretList = [] } = await account.client.send(new ListSecretsCommand({}))
      const { Versions = [] } = await account.client.send(new ListSecretVersionIdsCommand({ SecretId: 'a' }))
      const { VersionIdsToStages = {} } = await account.client.send(new DescribeSecretCommand({ SecretId: 'a' }))
      return [
        SecretList.map(({ Name }) => Name),
        Versions.length,
        VersionIdsToStages[first],
        await nameOf(account.client.send(new DescribeSecretCommand({ SecretId: 'b' }))),
      ]
    }
    expect(await look()).toEqual([['a'], 1, ['AWSCURRENT'], 'ResourceNotFoundException'])
    expect([await account.read('a'), await account.read('b')]).toEqual(['two', 'one'])
    controls.clock.advance(1_000)
    expect(await look()).toEqual([['a', 'b'], 2, ['AWSPREVIOUS'], 'success'])
  })

  it('what was purged is listed for as long', async () => {
    const account = await newAccount()
    const { controls } = account.emulator
    await account.create('a')
    controls.lag.lists = 1_000
    await purge(account, 'a')
    const names = async (): Promise<unknown> => (await account.client.send(new ListSecretsCommand({}))).SecretList?.map(({ Name }) => Name)
    expect([await names(), await nameOf(account.read('a'))]).toEqual([['a'], 'ResourceNotFoundException'])
    controls.clock.advance(1_000)
    expect(await names()).toEqual([])
  })

  it('a lag of zero ends it at once', async () => {
    const account = await newAccount()
    account.emulator.controls.lag.lists = DAY_MS
    await account.create('a')
    const names = async (): Promise<unknown> => (await account.client.send(new ListSecretsCommand({}))).SecretList?.map(({ Name }) => Name)
    expect(await names()).toEqual([])
    account.emulator.controls.lag.lists = 0
    expect(await names()).toEqual(['a'])
  })
})

describe('journal', () => {
  it('has every request with its operation, secret and answer, and no value', async () => {
    const VALUE = 'a-value-that-nobody-may-see'
    const account = await newAccount()
    const { controls } = account.emulator
    await account.create('a', { SecretString: VALUE })
    await account.read('a')
    await nameOf(account.read('b'))
    controls.inject({ kind: 'lose' })
    await nameOf(account.put('a', VALUE))
    expect(controls.journal.map(({ operation, name, answered, fault }) => [operation, name, answered, fault])).toEqual([
      ['CreateSecret', 'a', 200, undefined],
      ['GetSecretValue', 'a', 200, undefined],
      ['GetSecretValue', 'b', 400, undefined],
      ['PutSecretValue', 'a', 'none', 'lose'],
    ])
    expect(controls.requests).toBe(4)
    expect(JSON.stringify(controls.journal)).not.toContain(VALUE)
  })
})

describe('the server', () => {
  it('is on the loopback, has an account, a region, and over TLS a certificate', async () => {
    const { emulator, create } = bound(await newAccount({ accountId: '111122223333' }))
    expect([emulator.accountId, emulator.region, emulator.ca]).toEqual(['111122223333', 'eu-west-1', undefined])
    expect(emulator.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect((await create('a/b')).ARN).toMatch(/^arn:aws:secretsmanager:eu-west-1:111122223333:secret:a\/b-[A-Za-z0-9]{6}$/)
    const secure = await newAccount({ tls: true })
    expect(secure.emulator.url).toMatch(/^https:/)
    expect(secure.emulator.ca).toContain('BEGIN CERTIFICATE')
    expect(await nameOf(secure.create('a'))).not.toBe('success') // nobody trusts it
  })

  it.each([{ accountId: '123' }, { region: 'https://a' }, { nameHeldMs: -1 }, { batchSize: 0 }, { batchSize: 21 }, { listScan: 0 }])(
    'does not start with %o',
    async options => {
      await expect(startAwsEmulator(options)).rejects.toThrow(RangeError)
    },
  )

  it('can be stopped twice, even while it owes an answer', async () => {
    const { emulator, read } = bound(await newAccount())
    emulator.controls.inject({ kind: 'stall' })
    const waiting = nameOf(read('a'))
    await expect.poll(() => emulator.controls.requests).toBe(1)
    await emulator.stop()
    await emulator.stop()
    expect(await waiting).toBe('TimeoutError')
  })
})

function bound(account: Account): Pick<Account, 'client' | 'emulator' | 'create' | 'read'> {
  const { client, emulator } = account
  return { client, emulator, create: (...all) => account.create(...all), read: (...all) => account.read(...all) }
}

async function purge(account: Account, SecretId: string): Promise<void> {
  await account.client.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }))
}
