import {
  BatchGetSecretValueCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  RestoreSecretCommand,
  UpdateSecretVersionStageCommand,
  type ListSecretsCommandInput,
} from '@aws-sdk/client-secrets-manager'
import { describe, expect, it } from 'vitest'
import { nameOf, newAccount, type Account } from './account.ts'

const DAY_MS = 86_400_000

describe('deletion', () => {
  it('is scheduled: nothing reads or writes, the name is held, and a restore takes it back', async () => {
    const account = await newAccount()
    const { client } = account
    await account.create('a')
    const { DeletionDate } = await client.send(new DeleteSecretCommand({ SecretId: 'a', RecoveryWindowInDays: 7 }))
    expect(Math.abs(Number(DeletionDate) - (account.emulator.controls.clock.now() + 7 * DAY_MS))).toBeLessThan(60_000)
    expect([await nameOf(account.read('a')), await nameOf(account.put('a', 'two')), await nameOf(account.create('a'))]).toEqual(
      Array(3).fill('InvalidRequestException'),
    )
    expect((await client.send(new DescribeSecretCommand({ SecretId: 'a' }))).DeletedDate).toEqual(DeletionDate)
    expect(await names(account, {})).toEqual([])
    expect(await names(account, { IncludePlannedDeletion: true })).toEqual(['a'])
    await client.send(new RestoreSecretCommand({ SecretId: 'a' }))
    expect(await account.read('a')).toBe('one')
    expect(await names(account, {})).toEqual(['a'])
  })

  it('comes by the clock when the window has passed, then the name is free', async () => {
    const account = await newAccount()
    const { ARN } = await account.create('a')
    await account.client.send(new DeleteSecretCommand({ SecretId: 'a' }))
    account.emulator.controls.clock.advance(30 * DAY_MS - 60_000)
    expect(await nameOf(account.create('a'))).toBe('InvalidRequestException')
    account.emulator.controls.clock.advance(60_000)
    expect(await nameOf(account.client.send(new RestoreSecretCommand({ SecretId: 'a' })))).toBe('ResourceNotFoundException')
    expect((await account.create('a')).ARN).not.toBe(ARN)
  })

  it('without a window holds the name as long as it is told, and cannot be taken back', async () => {
    const account = await newAccount({ nameHeldMs: 5_000 })
    await account.create('a')
    await purge(account, 'a')
    expect([await nameOf(account.create('a')), await nameOf(account.read('a'))]).toEqual(['InvalidRequestException', 'InvalidRequestException'])
    expect(await nameOf(account.client.send(new RestoreSecretCommand({ SecretId: 'a' })))).toBe('ResourceNotFoundException')
    await purge(account, 'a')
    account.emulator.controls.clock.advance(5_000)
    await account.create('a')
    expect(await account.read('a')).toBe('one')
  })
})

describe('access', () => {
  it('by name, ARN, and ARN without its end', async () => {
    const account = await newAccount()
    const { ARN } = await account.create('app/key')
    for (const id of ['app/key', ARN, ARN.slice(0, -7)]) expect(await account.read(id)).toBe('one')
    for (const id of ['app', 'App/key', ARN.slice(0, -8), `${ARN}x`, ARN.replace('eu-west-1', 'us-east-1')]) {
      expect(await nameOf(account.read(id))).toBe('ResourceNotFoundException')
    }
  })

  it('a name that ends in a hyphen and six characters is not found by a part of its ARN, as AWS warns', async () => {
    const account = await newAccount()
    const { ARN } = await account.create('app-abcdef')
    expect(await account.read(ARN)).toBe('one')
    expect(await nameOf(account.read(ARN.slice(0, -7)))).toBe('ResourceNotFoundException')
  })
})

describe('lists', () => {
  const made = async (options = {}): Promise<Account> => {
    const account = await newAccount(options)
    await account.create('one', { Description: 'the First note', Tags: [{ Key: 'Owner', Value: 'ops' }] })
    account.emulator.controls.clock.advance(1_000)
    await account.create('two', { Description: 'a key of stripe' })
    account.emulator.controls.clock.advance(1_000)
    await account.create('app/three', { Tags: [{ Key: 'env', Value: 'prod eu' }] })
    return account
  }

  it.each([
    ['name', ['t'], ['two']],
    ['name', ['T'], []],
    ['name', ['!t'], ['one', 'app/three']],
    ['name', ['one', 'app'], ['one', 'app/three']],
    ['tag-key', ['Own'], ['one']],
    ['tag-key', ['own'], []],
    ['tag-value', ['prod'], ['app/three']],
    ['description', ['FIRST'], ['one']],
    ['description', ['key stri'], ['two']],
    ['description', ['rst'], []],
    ['all', ['eu'], ['app/three']],
    ['all', ['OPS note'], ['one']],
    ['owning-service', ['rds'], []],
  ] as const)('filter %s %j', async (Key, Values, found) => {
    expect(await names(await made(), { Filters: [{ Key, Values: [...Values] }] })).toEqual(found)
  })

  it('all filters must let a secret through, and one value of each', async () => {
    const account = await made()
    const Filters = [
      { Key: 'name' as const, Values: ['o', 'app'] },
      { Key: 'tag-value' as const, Values: ['prod'] },
    ]
    expect(await names(account, { Filters })).toEqual(['app/three'])
  })

  it.each([
    [{}, ['one', 'two', 'app/three']],
    [{ SortOrder: 'desc' }, ['app/three', 'two', 'one']],
    [{ SortBy: 'name' }, ['app/three', 'one', 'two']],
    [{ SortBy: 'last-changed-date', SortOrder: 'desc' }, ['app/three', 'two', 'one']],
  ] as const)('order %j', async (order, found) => {
    expect(await names(await made(), order)).toEqual(found)
  })

  it('pages have as many as asked for, and a secret that others make between them does no harm', async () => {
    const account = await made()
    const first = await account.client.send(new ListSecretsCommand({ MaxResults: 2 }))
    expect(first.SecretList?.map(({ Name }) => Name)).toEqual(['one', 'two'])
    await purge(account, 'one')
    await account.create('four')
    const rest = await account.client.send(new ListSecretsCommand({ MaxResults: 2, NextToken: first.NextToken }))
    expect(rest.SecretList?.map(({ Name }) => Name)).toEqual(['app/three', 'four'])
    expect(rest.NextToken).toBeUndefined()
  })

  it('a page token is good for its own request only', async () => {
    const account = await made()
    const { NextToken = '' } = await account.client.send(new ListSecretsCommand({ MaxResults: 1 }))
    const wrong = [
      new ListSecretsCommand({ NextToken: 'nonsense' }),
      new ListSecretsCommand({ NextToken: `${NextToken}x` }),
      new ListSecretsCommand({ NextToken, Filters: [{ Key: 'name', Values: ['t'] }] }),
      new ListSecretVersionIdsCommand({ SecretId: 'one', NextToken }),
      new BatchGetSecretValueCommand({ SecretIdList: ['one'], NextToken }),
    ]
    for (const command of wrong) expect(await nameOf(account.client.send(command as ListSecretsCommand))).toBe('InvalidNextTokenException')
  })

  it('with listScan, pages are short or empty, and all together are complete', async () => {
    const account = await made({ listScan: 1 })
    const pages: unknown[] = []
    let NextToken: string | undefined
    do {
      const page = await account.client.send(
        new ListSecretsCommand({ Filters: [{ Key: 'name', Values: ['app'] }], ...(NextToken === undefined ? {} : { NextToken }) }),
      )
      pages.push(page.SecretList?.map(({ Name }) => Name))
      NextToken = page.NextToken
    } while (NextToken !== undefined)
    expect(pages).toEqual([[], [], ['app/three']])
  })
})

describe('batches', () => {
  it('have the values that there are, and an error for each other', async () => {
    const account = await newAccount()
    const { ARN } = await account.create('a')
    await account.create('gone')
    await account.client.send(new DeleteSecretCommand({ SecretId: 'gone' }))
    await account.create('empty', { SecretString: undefined })
    const SecretIdList = [ARN, 'gone', 'empty', 'missing', 'not a name']
    const { SecretValues, Errors } = await account.client.send(new BatchGetSecretValueCommand({ SecretIdList }))
    expect(SecretValues?.map(({ Name, SecretString }) => [Name, SecretString])).toEqual([['a', 'one']])
    expect(Errors?.map(({ SecretId, ErrorCode }) => [SecretId, ErrorCode])).toEqual([
      ['gone', 'InvalidRequestException'],
      ['empty', 'ResourceNotFoundException'],
      ['missing', 'ResourceNotFoundException'],
      ['not a name', 'ValidationException'],
    ])
  })

  it('may answer fewer than asked for, with a token for the rest', async () => {
    const account = await newAccount({ batchSize: 2 })
    const SecretIdList = ['c', 'a', 'b']
    for (const name of SecretIdList) await account.create(name)
    const first = await account.client.send(new BatchGetSecretValueCommand({ SecretIdList }))
    const second = await account.client.send(new BatchGetSecretValueCommand({ SecretIdList, NextToken: first.NextToken }))
    expect([first, second].map(({ SecretValues }) => SecretValues?.map(({ Name }) => Name))).toEqual([['c', 'a'], ['b']])
    expect(second.NextToken).toBeUndefined()
  })

  it('are found by filters, page by page', async () => {
    const account = await newAccount()
    for (const name of ['a1', 'a2', 'b1']) await account.create(name)
    const Filters = [{ Key: 'name' as const, Values: ['a'] }]
    const first = await account.client.send(new BatchGetSecretValueCommand({ Filters, MaxResults: 1 }))
    const second = await account.client.send(new BatchGetSecretValueCommand({ Filters, MaxResults: 1, NextToken: first.NextToken }))
    expect([first, second].flatMap(({ SecretValues = [] }) => SecretValues.map(({ Name = '' }) => Name)).toSorted()).toEqual(['a1', 'a2'])
  })
})

describe('versions', () => {
  it('are listed newest first, page by page, without labels only when asked for', async () => {
    const account = await newAccount()
    const { VersionId: first } = await account.create('a')
    const [second, third] = [await account.put('a', 'two'), await account.put('a', 'three')]
    const list = async (more = {}): Promise<unknown> => {
      const { Versions } = await account.client.send(new ListSecretVersionIdsCommand({ SecretId: 'a', ...more }))
      return Versions?.map(({ VersionId, VersionStages }) => [VersionId, VersionStages])
    }
    const labelled = [
      [third, ['AWSCURRENT']],
      [second, ['AWSPREVIOUS']],
    ]
    expect(await list()).toEqual(labelled)
    expect(await list({ IncludeDeprecated: true })).toEqual([...labelled, [first, undefined]])
    const page = await account.client.send(new ListSecretVersionIdsCommand({ SecretId: 'a', MaxResults: 1 }))
    expect(await list({ MaxResults: 1, NextToken: page.NextToken })).toEqual([labelled[1]])
  })

  it('a pending version is read by its id; moving current compares, and previous follows', async () => {
    const account = await newAccount()
    const { client } = account
    const { VersionId: first } = await account.create('a')
    const second = await account.put('a', 'two', ['PENDING'])
    const third = await account.put('a', 'three', ['PENDING'])
    const at = async (VersionId: string): Promise<unknown> =>
      (await client.send(new GetSecretValueCommand({ SecretId: 'a', VersionId }))).VersionStages
    expect([await account.read('a'), await at(second), await at(third)]).toEqual(['one', undefined, ['PENDING']])
    const move = (RemoveFromVersionId: string, MoveToVersionId: string): Promise<string> =>
      nameOf(client.send(new UpdateSecretVersionStageCommand({ SecretId: 'a', VersionStage: 'AWSCURRENT', RemoveFromVersionId, MoveToVersionId })))
    expect(await move(second, third)).toBe('InvalidParameterException')
    expect(await move(first, third)).toBe('success')
    expect([await account.read('a'), await at(third), await at(first)]).toEqual(['three', ['AWSCURRENT', 'PENDING'], ['AWSPREVIOUS']])
    expect(await move(first, second)).toBe('InvalidParameterException')
  })

  it('without labels they are pruned when there are more than a hundred, but none of the last day', async () => {
    const account = await newAccount()
    await account.create('a')
    for (let count = 1; count < 110; count += 1) await account.put('a', String(count))
    const count = async (): Promise<number> => {
      let NextToken: string | undefined
      let found = 0
      do {
        const input = { SecretId: 'a', IncludeDeprecated: true, ...(NextToken === undefined ? {} : { NextToken }) }
        const page = await account.client.send(new ListSecretVersionIdsCommand(input))
        found += page.Versions?.length ?? 0
        NextToken = page.NextToken
      } while (NextToken !== undefined)
      return found
    }
    expect(await count()).toBe(110)
    account.emulator.controls.clock.advance(DAY_MS)
    expect(await count()).toBe(100)
    expect(await account.read('a')).toBe('109')
  })
})

async function names(account: Account, input: ListSecretsCommandInput): Promise<unknown> {
  return (await account.client.send(new ListSecretsCommand(input))).SecretList?.map(({ Name }) => Name)
}

async function purge(account: Account, SecretId: string): Promise<void> {
  await account.client.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }))
}
