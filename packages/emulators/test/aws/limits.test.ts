import {
  BatchGetSecretValueCommand,
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { expect, it } from 'vitest'
import { nameOf, newAccount } from './account.ts'
import { token } from './client.ts'

const VALID = 'ValidationException'
const PARAMETER = 'InvalidParameterException'
const tagsOf = (count: number): { Key: string; Value: string }[] => Array.from({ length: count }, (_, index) => ({ Key: `t${index}`, Value: '' }))
const create = (more: object): object => new CreateSecretCommand({ Name: 'new', SecretString: 'one', ...more })
const put = (more: object): object => new PutSecretValueCommand({ SecretId: 'a', SecretString: 'two', ...more })
const tag = (Tags: { Key: string; Value: string }[]): object => new TagResourceCommand({ SecretId: 'a', Tags })
const list = (more: object): object => new ListSecretsCommand(more)
const batch = (more: object): object => new BatchGetSecretValueCommand(more)
const filter = (Key: string, ...Values: string[]): object => list({ Filters: [{ Key: Key as 'name', Values }] })
const labels = (count: number): string[] => Array.from({ length: count }, (_, index) => `L${index}`)

/** What is at a limit, what is past it, and how it is refused. */
const limits: readonly (readonly [what: string, at: object, past: object, refused: string])[] = [
  ['a name of 512 characters', create({ Name: 'x'.repeat(512) }), create({ Name: 'x'.repeat(513) }), VALID],
  ['the characters of a name', create({ Name: 'aZ0/_+=.@-' }), create({ Name: 'a b' }), VALID],
  ['a name of at least one', create({ Name: 'x' }), create({ Name: '' }), VALID],
  ['text of 65,536 bytes', create({ SecretString: 'ä'.repeat(32_768) }), create({ SecretString: `${'ä'.repeat(32_768)}x` }), VALID],
  ['text that is not empty', create({ SecretString: 'x' }), create({ SecretString: '' }), VALID],
  [
    'binary of 65,536 bytes',
    put({ SecretString: undefined, SecretBinary: new Uint8Array(65_536) }),
    put({ SecretString: undefined, SecretBinary: new Uint8Array(65_537) }),
    VALID,
  ],
  [
    'binary that is not empty',
    put({ SecretString: undefined, SecretBinary: new Uint8Array(1) }),
    put({ SecretString: undefined, SecretBinary: new Uint8Array(0) }),
    VALID,
  ],
  ['one form of value', put({}), put({ SecretBinary: new Uint8Array(1) }), PARAMETER],
  ['a value at all', put({}), put({ SecretString: undefined }), 'InvalidRequestException'],
  ['a token of 64 characters', put({ ClientRequestToken: 'x'.repeat(64) }), put({ ClientRequestToken: 'x'.repeat(65) }), VALID],
  ['a token of at least 32', put({ ClientRequestToken: 'x'.repeat(32) }), put({ ClientRequestToken: 'x'.repeat(31) }), VALID],
  ['20 labels', put({ VersionStages: labels(20) }), put({ VersionStages: labels(21) }), VALID],
  ['a label of 256 characters', put({ VersionStages: ['x'.repeat(256)] }), put({ VersionStages: ['x'.repeat(257)] }), VALID],
  ['a description of 2,048 characters', create({ Description: 'ä'.repeat(2_048) }), create({ Description: 'ä'.repeat(2_049) }), VALID],
  ['50 tags', create({ Tags: tagsOf(50) }), create({ Tags: tagsOf(51) }), PARAMETER],
  ['50 tags with those that are there', tag(tagsOf(50)), tag([...tagsOf(50), { Key: 'more', Value: '' }]), PARAMETER],
  ['a tag key of 128 characters', tag([{ Key: 'x'.repeat(128), Value: '' }]), tag([{ Key: 'x'.repeat(129), Value: '' }]), VALID],
  ['a tag value of 256 characters', tag([{ Key: 'k', Value: 'x'.repeat(256) }]), tag([{ Key: 'k', Value: 'x'.repeat(257) }]), VALID],
  ['tags of AWS', tag([{ Key: 'xaws:', Value: '' }]), tag([{ Key: 'AWS:x', Value: '' }]), PARAMETER],
  [
    'each tag once',
    tag([{ Key: 'k', Value: '' }]),
    tag([
      { Key: 'k', Value: '' },
      { Key: 'k', Value: 'x' },
    ]),
    PARAMETER,
  ],
  [
    'tag keys to take away',
    new UntagResourceCommand({ SecretId: 'a', TagKeys: ['k'] }),
    new UntagResourceCommand({ SecretId: 'a', TagKeys: undefined }),
    VALID,
  ],
  [
    'a window of 30 days',
    new DeleteSecretCommand({ SecretId: 'a', RecoveryWindowInDays: 30 }),
    new DeleteSecretCommand({ SecretId: 'a', RecoveryWindowInDays: 31 }),
    PARAMETER,
  ],
  [
    'a window of at least 7',
    new DeleteSecretCommand({ SecretId: 'a', RecoveryWindowInDays: 7 }),
    new DeleteSecretCommand({ SecretId: 'a', RecoveryWindowInDays: 6 }),
    PARAMETER,
  ],
  [
    'a window or none',
    new DeleteSecretCommand({ SecretId: 'a', ForceDeleteWithoutRecovery: true }),
    new DeleteSecretCommand({ SecretId: 'a', ForceDeleteWithoutRecovery: true, RecoveryWindowInDays: 7 }),
    PARAMETER,
  ],
  ['pages of 100', list({ MaxResults: 100 }), list({ MaxResults: 101 }), VALID],
  ['pages of at least 1', list({ MaxResults: 1 }), list({ MaxResults: 0 }), VALID],
  ['10 values of a filter', filter('name', ...labels(10)), filter('name', ...labels(11)), VALID],
  ['a filter value of 512 characters', filter('name', 'x'.repeat(512)), filter('name', 'x'.repeat(513)), VALID],
  ['the characters of a filter value', filter('name', '!a b:@'), filter('name', 'a*'), VALID],
  ['the keys of filters', filter('all', 'x'), filter('value', 'x'), VALID],
  ['a batch of 20', batch({ SecretIdList: labels(20) }), batch({ SecretIdList: labels(21) }), VALID],
  ['a batch by ids or filters', batch({ SecretIdList: ['a'] }), batch({ SecretIdList: ['a'], Filters: [{ Key: 'name', Values: ['a'] }] }), PARAMETER],
  ['a batch of something', batch({ SecretIdList: ['a'] }), batch({}), PARAMETER],
  ['a batch without a page size', batch({ SecretIdList: ['a'] }), batch({ SecretIdList: ['a'], MaxResults: 5 }), PARAMETER],
  [
    'a version id of 32 characters',
    new GetSecretValueCommand({ SecretId: 'a', VersionId: token(1) }),
    new GetSecretValueCommand({ SecretId: 'a', VersionId: 'AWSCURRENT' }),
    VALID,
  ],
  [
    'a label on its version',
    new GetSecretValueCommand({ SecretId: 'a', VersionId: token(1), VersionStage: 'AWSCURRENT' }),
    new GetSecretValueCommand({ SecretId: 'a', VersionId: token(1), VersionStage: 'OTHER' }),
    'InvalidRequestException',
  ],
  [
    'a new token for a new value',
    new UpdateSecretCommand({ SecretId: 'a', ClientRequestToken: token(2), SecretString: 'x' }),
    new UpdateSecretCommand({ SecretId: 'a', ClientRequestToken: token(1), SecretString: 'x' }),
    'ResourceExistsException',
  ],
  ['no replicas', create({}), create({ AddReplicaRegions: [{ Region: 'us-east-1' }] }), PARAMETER],
]

it.each(limits)('%s', async (_, at, past, refused) => {
  const account = await newAccount()
  await account.create('a', { ClientRequestToken: token(1) })
  expect(await nameOf(send(account.client, past))).toBe(refused)
  expect(await account.read('a')).toBe('one') // nothing was done
  expect(await nameOf(send(account.client, at))).toBe('success')
})

it('a value is read back as it was written, and never shown in a refusal', async () => {
  const account = await newAccount()
  const value = 'π\u0000\uFEFF "😀" '
  await account.create('a', { SecretString: value })
  expect(await account.read('a')).toBe(value)
  const secret = 'x-that-nobody-may-see'.repeat(5_000)
  const error: unknown = await send(account.client, put({ SecretString: secret })).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ name: VALID, message: expect.stringContaining("Value at 'secretString' failed to satisfy constraint") as unknown })
  expect(JSON.stringify(error)).not.toContain('nobody-may-see')
})

it('a version has at most 20 labels, however it gets them', async () => {
  const account = await newAccount()
  const { VersionId } = await account.create('a')
  const label = (VersionStage: string): Promise<string> =>
    nameOf(account.client.send(new UpdateSecretVersionStageCommand({ SecretId: 'a', VersionStage, MoveToVersionId: VersionId })))
  for (const name of labels(19)) expect(await label(name)).toBe('success')
  expect(await label('one-more')).toBe('LimitExceededException')
})

it('a request that is repeated with its token changes nothing, and with another value is refused', async () => {
  const account = await newAccount()
  const again = { ClientRequestToken: token(1) }
  await account.create('a', again)
  expect(await account.create('a', again)).toMatchObject({ VersionId: token(1) })
  expect(await nameOf(account.create('a', { ...again, SecretString: 'other' }))).toBe('ResourceExistsException')
  expect(await nameOf(account.create('a', { ClientRequestToken: token(2) }))).toBe('ResourceExistsException')
  expect(await nameOf(send(account.client, put({ ...again, SecretString: 'one' })))).toBe('success')
  expect(await nameOf(send(account.client, put(again)))).toBe('ResourceExistsException')
  expect(await nameOf(send(account.client, put({ ...again, SecretString: undefined, SecretBinary: Buffer.from('one') })))).toBe(
    'ResourceExistsException',
  )
  expect(await account.read('a')).toBe('one')
})

async function send(client: SecretsManagerClient, command: object): Promise<unknown> {
  return await client.send(command as Parameters<SecretsManagerClient['send']>[0])
}
