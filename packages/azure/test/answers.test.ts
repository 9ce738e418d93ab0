import type { DriverVersion, NativePath, VersionId } from '@strongroom/core'
import { describe, expect, test } from 'vitest'
import { answering, call, codeOf, line, OLDER, restError, secret, VAULT, VERSION, type FakePage } from './fake-client.ts'

const path = 'a' as NativePath
const token = '2f6d3c1e-0000-4000-8000-000000000001'
const payload = { bytes: new TextEncoder().encode('v'), text: true }
const link = (skip: string): string => `${VAULT}:443/secrets/a/versions?api-version=7.6&$skiptoken=${skip}&maxresults=25`
const ours = { 'strongroom:token': token }

describe('every answer of the SDK is looked at', () => {
  test.each<[string, unknown]>([
    ['no version', { ...secret('v'), properties: line(undefined) }],
    ['another version', { ...secret('v'), properties: line(OLDER) }],
    ['a version of another form', { ...secret('v'), properties: line('1') }],
    ['another secret', { ...secret('v'), properties: line(VERSION, { name: 'b' }) }],
    ['no value', secret(undefined)],
    ['a value that is a number', secret(5)],
    ['a value that UTF-8 cannot hold', secret('\ud800')],
    ['binary that is no base64', secret('not base64!', { contentType: 'application/octet-stream;base64' })],
  ])('a read that is answered with %s is corrupt', async (_, answer) => {
    const driver = answering({ getSecret: answer })
    expect(await codeOf(driver, driver.read({ path, version: VERSION as VersionId }, call))).toEqual(['corrupt', 'none'])
  })

  test.each<[string, object]>([
    ['no version', { ...secret('v'), properties: line(undefined) }],
    ['another secret', { ...secret('v'), properties: line(VERSION, { name: 'b' }) }],
  ])('a create that is answered with %s is corrupt, and may have been applied', async (_, answer) => {
    const driver = answering({ listPropertiesOfSecretVersions: { items: [] }, setSecret: answer })
    expect(await codeOf(driver, driver.create({ path, payload, labels: {}, token }, call))).toEqual(['corrupt', 'unknown'])
  })

  test.each<[string, FakePage]>([
    ['no list', { items: undefined }],
    ['a line of another secret', { items: [line(VERSION, { name: 'b' })] }],
    ['a line without a version', { items: [line(undefined)] }],
    ['a link without a token', { items: [line(VERSION)], nextLink: `${VAULT}/secrets/a/versions` }],
    ['a link that is no URL', { items: [line(VERSION)], nextLink: 'x' }],
  ])('versions that are answered with %s are corrupt', async (_, page) => {
    const driver = answering({ listPropertiesOfSecretVersions: page })
    expect(await codeOf(driver, driver.versions({ path, after: undefined, page: undefined }, call))).toEqual(['corrupt', 'none'])
  })

  test('a list whose page leads to itself is corrupt', async () => {
    const driver = answering({ listPropertiesOfSecretVersions: { items: [line(VERSION)], nextLink: link('again') } })
    const first = await driver.versions({ path, after: undefined, page: undefined }, call)
    expect((await codeOf(driver, driver.versions({ path, after: undefined, page: first.next }, call)))[0]).toBe('corrupt')
  })

  test('a name of another case is the same secret', async () => {
    const driver = answering({ getSecret: secret('v', { name: 'A' }) })
    expect((await driver.read({ path, version: undefined }, call)).version).toBe(VERSION)
  })
})

describe('values', () => {
  test('text goes as it is, binary as base64 with a content type, and each comes back', async () => {
    const seen: unknown[][] = []
    const binary = { bytes: Uint8Array.of(0, 255, 254), text: false }
    const driver = answering({ listPropertiesOfSecretVersions: { items: [line(OLDER)] }, setSecret: secret('x') }, seen)
    await driver.append({ path, payload, token, after: undefined, staged: false }, call)
    await driver.append({ path, payload: binary, token, after: undefined, staged: false }, call)
    const sent = seen
      .filter(([method]) => method === 'setSecret')
      .map(([, , value, options]) => [value, (options as { contentType?: string }).contentType])
    expect(sent).toEqual([
      ['v', undefined],
      ['AP/+', 'application/octet-stream;base64'],
    ])
    const read = answering({ getSecret: secret('AP/+', { contentType: 'application/octet-stream;base64' }) })
    expect((await read.read({ path, version: undefined }, call)).payload).toEqual(binary)
  })

  test.each(['application/json', 'application/x-pkcs12', undefined])('what others wrote is text: %s', async contentType => {
    const driver = answering({ getSecret: secret('AP/+', { contentType }) })
    const { payload: found } = await driver.read({ path, version: undefined }, call)
    expect([found.text, new TextDecoder().decode(found.bytes)]).toEqual([true, 'AP/+'])
  })
})

describe('tags', () => {
  const eight = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`label${index}`, 'x']))
  const six = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`tag${index}`, 'x']))
  const tagsOf = (seen: readonly unknown[][]): unknown =>
    (seen.find(([method]) => method === 'setSecret')?.[3] as { readonly tags: unknown } | undefined)?.tags

  test('a create has the labels, the tags of the options and the token, 15 in all', async () => {
    const seen: unknown[][] = []
    const driver = answering({ listPropertiesOfSecretVersions: { items: [] }, setSecret: secret('v') }, seen, { tags: six })
    expect(await driver.create({ path, payload, labels: eight, token }, call)).toEqual({ version: VERSION, fullPath: `${VAULT}/secrets/a` })
    expect(tagsOf(seen)).toEqual({ ...eight, ...six, ...ours })
  })

  test('an append carries over what the newest of our versions has, and the tags of the options fill up', async () => {
    const seen: unknown[][] = []
    const at = (second: number): Date => new Date(1_700_000_000_000 + second * 1_000)
    const items = [
      line(OLDER, { createdOn: at(1), tags: { ...ours, owner: 'old' } }),
      line('1'.repeat(32), { createdOn: at(2), tags: { ...ours, owner: 'ours', team: 'carried' } }),
      line('2'.repeat(32), { createdOn: at(3), tags: { owner: 'foreign' } }),
    ]
    const driver = answering({ listPropertiesOfSecretVersions: { items }, setSecret: secret('v') }, seen, { tags: { team: 'option', new: 'yes' } })
    await driver.append({ path, payload, token: 'another', after: undefined, staged: false }, call)
    expect(tagsOf(seen)).toEqual({ owner: 'ours', team: 'carried', new: 'yes', 'strongroom:token': 'another' })
    expect(seen).toHaveLength(2)
  })

  test('where no version is ours, those of the newest are carried over, however far back it is listed', async () => {
    const seen: unknown[][] = []
    const pages: Readonly<Record<string, FakePage>> = {
      '25': { items: [line(VERSION, { createdOn: new Date(2_000), tags: { a: 'newest' } })], nextLink: link('two') },
      '25&$skiptoken=two': { items: [], nextLink: link('three') },
      '25&$skiptoken=three': { items: [line(OLDER, { createdOn: new Date(1_000), tags: { a: 'old' } })] },
    }
    const listPropertiesOfSecretVersions = (_: string, __: unknown, { maxPageSize }: { readonly maxPageSize: unknown }): unknown =>
      pages[String(maxPageSize)]
    const driver = answering({ listPropertiesOfSecretVersions, setSecret: secret('v') }, seen)
    await driver.append({ path, payload, token, after: undefined, staged: false }, call)
    expect(tagsOf(seen)).toEqual({ a: 'newest', ...ours })
  })

  test('a sixteenth tag is refused before anything is sent', async () => {
    const seen: unknown[][] = []
    const items = [line(VERSION, { tags: { ...eight, ...six, one: 'more' } })]
    const driver = answering({ listPropertiesOfSecretVersions: { items } }, seen)
    const work = driver.append({ path, payload, token, after: undefined, staged: false }, call)
    expect(await codeOf(driver, work)).toEqual(['invalid_argument', 'none'])
    expect(seen.map(([method]) => method)).toEqual(['listPropertiesOfSecretVersions'])
  })
})

describe('which version is current', () => {
  const created = (second: number): object => ({ createdOn: new Date(second * 1_000) })
  const [a, b, c] = ['a', 'b', 'c'].map(digit => digit.repeat(32)) as [string, string, string]
  const told = (items: readonly DriverVersion[]): unknown => items.map(({ version, state, current }) => [version.slice(0, 1), state, current])
  const request = { path, after: undefined, page: undefined }

  test('the newest by its date, whatever the order, without a read', async () => {
    const seen: unknown[][] = []
    const driver = answering({ listPropertiesOfSecretVersions: { items: [line(a, created(2)), line(b, created(3)), line(c, created(1))] } }, seen)
    expect(told((await driver.versions(request, call)).items)).toEqual([
      ['a', 'usable', false],
      ['c', 'usable', false],
      ['b', 'usable', true],
    ])
    expect(seen).toHaveLength(1)
  })

  test('none, when the newest is disabled: readers who name none get nothing', async () => {
    const items = [line(a, created(1)), line(b, { ...created(2), enabled: false })]
    const driver = answering({ listPropertiesOfSecretVersions: { items } })
    expect(told((await driver.versions(request, call)).items)).toEqual([
      ['a', 'usable', false],
      ['b', 'disabled', false],
    ])
  })

  test('of one second, the one that a read tells', async () => {
    const items = [line(a, created(2)), line(VERSION, created(2)), line(c, created(1))]
    const driver = answering({ listPropertiesOfSecretVersions: { items }, getSecret: secret('v') })
    const { items: found } = await driver.versions(request, call)
    expect(found.filter(({ current }) => current).map(({ version }) => version)).toEqual([VERSION])
  })

  test.each([restError(403, 'Forbidden', 'ForbiddenByRbac'), restError(403, 'Forbidden', 'SecretDisabled'), restError(404, 'SecretNotFound')])(
    'of one second, none, when the read is refused',
    async getSecret => {
      const driver = answering({ listPropertiesOfSecretVersions: { items: [line(a), line(b)] }, getSecret })
      expect((await driver.versions(request, call)).items.some(({ current }) => current)).toBe(false)
    },
  )

  test('of one second, a read that fails fails the page', async () => {
    const driver = answering({ listPropertiesOfSecretVersions: { items: [line(a), line(b)] }, getSecret: restError(503) })
    expect(await codeOf(driver, driver.versions(request, call))).toEqual(['unavailable', 'none'])
  })

  test('what may be the newest is held back until the last page', async () => {
    const pages: Readonly<Record<string, FakePage>> = {
      '25': { items: [line(a, created(3)), line(b, created(2))], nextLink: link('two') },
      '25&$skiptoken=two': { items: [line(c, { ...created(1), tags: ours })] },
    }
    const listPropertiesOfSecretVersions = (_: string, __: unknown, { maxPageSize }: { readonly maxPageSize: unknown }): unknown =>
      pages[String(maxPageSize)]
    const driver = answering({ listPropertiesOfSecretVersions })
    const first = await driver.versions(request, call)
    const second = await driver.versions({ ...request, page: first.next }, call)
    expect([told(first.items), told(second.items), second.next]).toEqual([
      [['b', 'usable', false]],
      [
        ['c', 'usable', false],
        ['a', 'usable', true],
      ],
      undefined,
    ])
    expect(second.items.map(({ token: found, createdAt }) => [found, createdAt])).toEqual([
      [token, new Date(1_000)],
      [undefined, new Date(3_000)],
    ])
  })

  test('a version that has expired, or is not valid yet, is usable: Azure gives it out', async () => {
    const items = [line(a, { expiresOn: new Date(1), notBefore: new Date(4_000_000_000_000) })]
    const driver = answering({ listPropertiesOfSecretVersions: { items } })
    expect(told((await driver.versions(request, call)).items)).toEqual([['a', 'usable', true]])
  })
})

describe('a list', () => {
  const named = (name: string, more: object = {}): object => line(undefined, { name, updatedOn: new Date(5_000), ...more })

  test('keeps to its prefix without regard to case, tells it as it was asked, and leaves out certificates', async () => {
    const items = [named('prod-a', { tags: { ...ours, k: 'v' } }), named('Prod-B'), named('other'), named('prod-cert', { managed: true })]
    const driver = answering({ listPropertiesOfSecrets: { items } })
    const found = await driver.list({ prefix: 'prod-', withLabels: true, page: undefined }, call)
    expect(found.items).toEqual([
      { path: 'prod-a', fullPath: `${VAULT}/secrets/prod-a`, createdAt: undefined, updatedAt: new Date(5_000), labels: { k: 'v' } },
      { path: 'prod-B', fullPath: `${VAULT}/secrets/prod-B`, createdAt: undefined, updatedAt: new Date(5_000), labels: {} },
    ])
    expect((await driver.list({ prefix: 'prod-', withLabels: false, page: undefined }, call)).items[0]?.labels).toBeUndefined()
  })

  test('a prefix that no name has finds nothing, and nothing is sent', async () => {
    const seen: unknown[][] = []
    const driver = answering({}, seen)
    for (const prefix of ['a/', 'a_', '../', 'x'.repeat(128)]) {
      expect(await driver.list({ prefix, withLabels: false, page: undefined }, call)).toEqual({ items: [], next: undefined })
    }
    expect(seen).toEqual([])
  })
})

describe('removal', () => {
  const until = new Date(1_800_000_000_000)
  const deleted = (recoveryLevel: string | undefined, more: object = {}): object => ({
    name: 'a',
    properties: line(VERSION, { recoveryLevel, recoveryId: `${VAULT}/deletedsecrets/a`, scheduledPurgeDate: until, ...more }),
  })

  test('a delete is retained until its date, also where soft delete says nothing of it', async () => {
    const driver = answering({ beginDeleteSecret: deleted('Recoverable+Purgeable') })
    expect(await driver.remove({ path, purge: false }, call)).toEqual({ state: 'retained', until })
    const bare = answering({ beginDeleteSecret: deleted(undefined, { scheduledPurgeDate: undefined }) })
    expect(await bare.remove({ path, purge: false }, call)).toEqual({ state: 'retained', until: undefined })
  })

  test('in a vault without soft delete it is gone', async () => {
    const driver = answering({ beginDeleteSecret: deleted(undefined, { recoveryId: undefined }) })
    expect(await driver.remove({ path, purge: false }, call)).toEqual({ state: 'gone' })
  })

  test.each(['Recoverable', 'Recoverable+ProtectedSubscription', 'CustomizedRecoverable'])(
    'under purge protection (%s) a purge is not even asked for',
    async level => {
      const seen: unknown[][] = []
      const driver = answering({ beginDeleteSecret: deleted(level) }, seen)
      expect(await driver.remove({ path, purge: true }, call)).toEqual({ state: 'retained', until })
      expect(seen.map(([method]) => method)).toEqual(['beginDeleteSecret'])
    },
  )

  test('a purge that was refused after the delete says that something was written', async () => {
    const driver = answering({
      beginDeleteSecret: deleted('Recoverable+Purgeable'),
      purgeDeletedSecret: restError(403, 'Forbidden', 'ForbiddenByRbac'),
      getDeletedSecret: deleted('Recoverable+Purgeable'),
    })
    expect(await codeOf(driver, driver.remove({ path, purge: true }, call))).toEqual(['permission_denied', 'unknown'])
  })

  test('a purge of what is deleted already is refused without effect, or retained where nobody may purge', async () => {
    const answers = { beginDeleteSecret: restError(404, 'SecretNotFound'), purgeDeletedSecret: restError(403, 'Forbidden') }
    const driver = answering({ ...answers, getDeletedSecret: restError(403, 'Forbidden') })
    expect(await codeOf(driver, driver.remove({ path, purge: true }, call))).toEqual(['permission_denied', 'none'])
    const held = answering({ ...answers, getDeletedSecret: deleted('CustomizedRecoverable') })
    expect(await held.remove({ path, purge: true }, call)).toEqual({ state: 'retained', until })
  })
})
