import { isSecretError, type NativePath, type SecretDriver, type SecretErrorCode, type VersionId } from '@strongroom/core'
import { describe, expect, test } from 'vitest'
import { awsDriver, awsSecretStore } from '../src/index.ts'

const arn = (account: string): string => `arn:aws:secretsmanager:eu-west-1:${account}:secret:a-x1y2z3`
const OURS = '111111111111'
const OTHER = '222222222222'
const token = '2f6d3c1e-0000-4000-8000-000000000001'
const path = 'a' as NativePath
const call = { signal: new AbortController().signal, attempt: 1 }
const payload = { bytes: new TextEncoder().encode('v'), text: true }

/** A driver whose client gives these answers, by the name of the command. */
function answering(answers: Readonly<Record<string, unknown>>, seen: unknown[] = []): SecretDriver {
  const client = {
    send: async (command: object): Promise<unknown> => {
      seen.push((command as { readonly input?: unknown }).input)
      const answer = answers[command.constructor.name]
      if (answer instanceof Error) throw answer
      return typeof answer === 'function' ? (answer as (command: object) => unknown)(command) : answer
    },
  }
  return awsDriver({ region: 'eu-west-1', accountId: OURS, client, tags: { team: 'payments' }, kmsKeyId: 'alias/key' })
}

async function codeOf(driver: SecretDriver, work: Promise<unknown>): Promise<[SecretErrorCode, string]> {
  const answer = await work.then(
    () => undefined,
    (error: unknown) => driver.classify(error),
  )
  if (answer === undefined) throw new Error('it must fail')
  return [answer.code, answer.effect]
}

describe('every answer of the SDK is looked at', () => {
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['text', 'x'],
    ['no version', { ARN: arn(OURS), SecretString: 'v' }],
    ['another version', { ARN: arn(OURS), SecretString: 'v', VersionId: 'other' }],
    ['no value', { ARN: arn(OURS), VersionId: token }],
    ['a value in both forms', { ARN: arn(OURS), VersionId: token, SecretString: 'v', SecretBinary: new Uint8Array(1) }],
    ['a value that is a number', { ARN: arn(OURS), VersionId: token, SecretString: 5 }],
  ])('a read that is answered with %s is corrupt', async (_, answer) => {
    const driver = answering({ GetSecretValueCommand: answer })
    expect((await codeOf(driver, driver.read({ path, version: token as VersionId }, call)))[0]).toBe('corrupt')
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['no version', { ARN: arn(OURS) }],
    ['another version than the token', { ARN: arn(OURS), VersionId: 'other' }],
    ['no ARN', { VersionId: token }],
  ])('a create that is answered with %s is corrupt, and may have been applied', async (_, answer) => {
    const driver = answering({ CreateSecretCommand: answer })
    expect(await codeOf(driver, driver.create({ path, payload, labels: {}, token }, call))).toEqual(['corrupt', 'unknown'])
  })

  test('an append without a version is corrupt, and may have been applied', async () => {
    const driver = answering({ PutSecretValueCommand: { ARN: arn(OURS) } })
    expect(await codeOf(driver, driver.append({ path, payload, token, after: undefined, staged: false }, call))).toEqual(['corrupt', 'unknown'])
  })

  test('a batch is followed to its end, what it leaves out is corrupt, and each refusal has its own meaning', async () => {
    const value = { Name: 'a', ARN: arn(OURS), VersionId: token, SecretString: 'v' }
    const pages: Readonly<Record<string, unknown>> = {
      first: { SecretValues: [], NextToken: 'second' },
      second: { SecretValues: [value], Errors: [{ SecretId: 'b', ErrorCode: 'AccessDeniedException', Message: 'x' }], NextToken: 'third' },
      third: {
        SecretValues: [{ ...value, Name: 'd', ARN: arn(OTHER) }],
        Errors: [{ SecretId: 'c', ErrorCode: 'InvalidRequestException', Message: 'it was marked for deletion' }],
        NextToken: '',
      },
    }
    const driver = answering({
      BatchGetSecretValueCommand: (command: object) =>
        pages[(command as { readonly input: { readonly NextToken?: string } }).input.NextToken ?? 'first'],
    })
    const outcomes = await driver.readMany({ paths: ['a', 'b', 'c', 'd', 'e'] as NativePath[] }, call)
    expect(outcomes.map(outcome => ('failure' in outcome ? outcome.failure.code : outcome.version))).toEqual([
      token,
      'permission_denied',
      'not_found',
      'misconfigured',
      'corrupt',
    ])
    expect(outcomes.map(outcome => outcome.path)).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('a batch whose pages do not end is corrupt', async () => {
    const driver = answering({ BatchGetSecretValueCommand: { NextToken: 'again' } })
    expect((await codeOf(driver, driver.readMany({ paths: [path] }, call)))[0]).toBe('corrupt')
  })

  test('a list keeps to its prefix and leaves out what is deleted, whatever AWS answers', async () => {
    const seen: unknown[] = []
    const entries = ['app/a', 'App/b', 'app/c', 'other/app/d'].map(Name => ({ Name, ARN: arn(OURS), Tags: [{ Key: 'k', Value: 'v' }] }))
    const driver = answering(
      { ListSecretsCommand: { SecretList: [...entries, { Name: 'app/gone', DeletedDate: new Date() }], NextToken: 'n' } },
      seen,
    )
    const { items, next } = await driver.list({ prefix: 'app/', withLabels: true, page: 'p' }, call)
    expect([items.map(item => item.path), items[0]?.labels, next]).toEqual([['app/a', 'app/c'], { k: 'v' }, 'n'])
    expect(seen).toEqual([{ MaxResults: 100, Filters: [{ Key: 'name', Values: ['app/'] }], NextToken: 'p' }])
  })

  test('a prefix that AWS would take for a negation finds nothing', async () => {
    const seen: unknown[] = []
    const driver = answering({ ListSecretsCommand: { SecretList: [{ Name: 'a' }] } }, seen)
    expect(await driver.list({ prefix: '!a', withLabels: false, page: undefined }, call)).toEqual({ items: [], next: undefined })
    expect(seen).toEqual([])
  })

  test('a create carries the token, the key, the labels and the tags', async () => {
    const seen: unknown[] = []
    const driver = answering({ CreateSecretCommand: { ARN: arn(OURS), VersionId: token } }, seen)
    expect(await driver.create({ path, payload, labels: { owner: 'a' }, token }, call)).toEqual({ version: token, fullPath: arn(OURS) })
    const Tags = [
      { Key: 'team', Value: 'payments' },
      { Key: 'owner', Value: 'a' },
    ]
    expect(seen).toEqual([{ Name: 'a', ClientRequestToken: token, SecretString: 'v', Tags, KmsKeyId: 'alias/key' }])
  })

  test('a version without labels is destroyed, and one with any label is usable', async () => {
    const Versions = [
      { VersionId: 'current', VersionStages: ['AWSCURRENT'] },
      { VersionId: 'pending', VersionStages: ['STRONGROOM_PENDING'] },
      { VersionId: 'bare', VersionStages: [] },
      { VersionId: 'absent' },
    ]
    const driver = answering({ DescribeSecretCommand: { ARN: arn(OURS) }, ListSecretVersionIdsCommand: { ARN: arn(OURS), Versions } })
    const { items } = await driver.versions({ path, after: undefined, page: undefined }, call)
    expect(items.map(({ token, state, current }) => [token, state, current])).toEqual([
      ['current', 'usable', true],
      ['pending', 'usable', false],
      ['bare', 'destroyed', false],
      ['absent', 'destroyed', false],
    ])
  })

  test('the versions of a secret that is scheduled for deletion are not_found, though AWS lists them', async () => {
    const driver = answering({ DescribeSecretCommand: { ARN: arn(OURS), DeletedDate: new Date() }, ListSecretVersionIdsCommand: { Versions: [] } })
    expect(await codeOf(driver, driver.versions({ path, after: undefined, page: undefined }, call))).toEqual(['not_found', 'none'])
  })

  test.each([
    ['another holder', { other: ['AWSCURRENT'] }, 'conflict'],
    ['the right holder, so the version is not there', { from: ['AWSCURRENT'] }, 'not_found'],
  ])('a refused promote with %s', async (_, VersionIdsToStages, code) => {
    const refusal = Object.assign(new Error('x'), { name: 'InvalidParameterException' })
    const driver = answering({ UpdateSecretVersionStageCommand: refusal, DescribeSecretCommand: { ARN: arn(OURS), VersionIdsToStages } })
    const work = driver.promote({ path, version: token as VersionId, from: 'from' as VersionId }, call)
    expect(await codeOf(driver, work)).toEqual([code, 'none'])
    await expect(work).rejects.toBe(refusal)
  })
})

describe('another account than accountId names', () => {
  const answer = { ARN: arn(OTHER), VersionId: token, SecretString: 'v' }

  test('is misconfigured for a read', async () => {
    const driver = answering({ GetSecretValueCommand: answer, ListSecretsCommand: { SecretList: [{ ...answer, Name: 'a' }] } })
    expect(await codeOf(driver, driver.read({ path, version: undefined }, call))).toEqual(['misconfigured', 'none'])
    expect(await codeOf(driver, driver.list({ prefix: '', withLabels: false, page: undefined }, call))).toEqual(['misconfigured', 'none'])
  })

  test('is misconfigured for a write, which has happened', async () => {
    const driver = answering({ CreateSecretCommand: answer, PutSecretValueCommand: answer, DeleteSecretCommand: answer })
    const works = [
      driver.create({ path, payload, labels: {}, token }, call),
      driver.append({ path, payload, token, after: undefined, staged: true }, call),
      driver.remove({ path, purge: true }, call),
    ]
    for (const work of works) expect(await codeOf(driver, work)).toEqual(['misconfigured', 'unknown'])
  })

  test('is told by a store with a fixed hint', async () => {
    const client = { send: async () => answer }
    const store = awsSecretStore({ region: 'eu-west-1', accountId: OURS, client })
    const error: unknown = await store.get('a').catch((thrown: unknown) => thrown)
    expect(isSecretError(error, 'misconfigured') && error.hint).toContain('another AWS account')
    expect(String(error)).not.toContain(OTHER)
  })

  test('does not matter where no account was named', async () => {
    const driver = awsDriver({ region: 'eu-west-1', client: { send: async () => answer } })
    expect((await driver.read({ path, version: undefined }, call)).version).toBe(token)
  })
})
