import { Buffer } from 'node:buffer'
import type { NativePath, SecretDriver, VersionId } from '@strongroom/core'
import { describe, expect, test } from 'vitest'
import { gcpDriver, type GcpClient, type GcpOptions } from '../src/index.ts'
import { crc32c } from '../src/answers.ts'

const path = 'a' as NativePath
const call = { signal: new AbortController().signal, attempt: 1 }
const payload = { bytes: new TextEncoder().encode('v'), text: true }
const token = 'a-token'
/** Google answers with the project's number. */
const NAME = 'projects/123456/secrets/a'
const version = (number: number, more: object = {}): object => ({ name: `${NAME}/versions/${number}`, state: 'ENABLED', ...more })
const missing = Object.assign(new Error('5 NOT_FOUND'), { code: 5 })

interface Sent {
  readonly operation: string
  readonly request: Readonly<Record<string, unknown>>
  readonly options: Readonly<Record<string, unknown>>
}

/** A driver on a client that gives these answers; a list of answers is given one by one. */
function answering(answers: Readonly<Record<string, unknown>>, seen: Sent[] = [], options: Partial<GcpOptions> = {}): SecretDriver {
  const names = ['createSecret', 'addSecretVersion', 'accessSecretVersion', 'getSecret', 'getSecretVersion', 'listSecretVersions', 'listSecrets']
  const methods = [...names, 'updateSecret', 'destroySecretVersion', 'deleteSecret'].map(operation => {
    const left = Array.isArray(answers[operation]) ? [...(answers[operation] as unknown[])] : undefined
    const method = async (request: Sent['request'], own: Sent['options']): Promise<readonly unknown[]> => {
      seen.push({ operation, request, options: own })
      const answer: unknown = left === undefined ? (operation in answers ? answers[operation] : missing) : left.shift()
      if (answer instanceof Error) throw answer
      return operation.startsWith('list') ? [[], null, answer] : [answer, null, null]
    }
    return [operation, method] as const
  })
  return gcpDriver({ projectId: 'my-project', client: Object.fromEntries(methods) as unknown as GcpClient, ...options })
}

async function codeOf(driver: SecretDriver, work: Promise<unknown>): Promise<readonly unknown[]> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  const { code, effect, retryable } = driver.classify(error)
  return [code, effect, retryable]
}

const read = (answer: unknown): Promise<readonly unknown[]> => {
  const driver = answering({ accessSecretVersion: answer })
  return codeOf(driver, driver.read({ path, version: '1' as VersionId }, call))
}

describe('a value', () => {
  const data = Buffer.from('v')
  const name = `${NAME}/versions/1`

  test('that matches its checksum is taken, and so is one without', async () => {
    for (const dataCrc32c of [String(crc32c(data)), crc32c(data), undefined, null]) {
      const { payload: found } = await answering({ accessSecretVersion: { name, payload: { data, dataCrc32c } } }).read(
        { path, version: undefined },
        call,
      )
      expect(found).toEqual({ bytes: Uint8Array.from(data), text: true })
    }
  })

  test('that does not match it is corrupt, and worth another try', async () => {
    expect(await read({ name, payload: { data, dataCrc32c: '1' } })).toEqual(['corrupt', 'none', true])
    expect(await read({ name, payload: { data, dataCrc32c: '0' } })).toEqual(['corrupt', 'none', true])
    expect(await read({ name, payload: { data, dataCrc32c: 'x' } })).toEqual(['corrupt', 'none', true])
  })

  test('is binary where it is no UTF-8', async () => {
    const bytes = Buffer.from([0xed, 0xa0, 0x80])
    const { payload: found } = await answering({ accessSecretVersion: { name, payload: { data: bytes } } }).read({ path, version: undefined }, call)
    expect(found.text).toBe(false)
  })

  test('is a copy, not a part of the answer', async () => {
    const bytes = Buffer.from('v')
    const { payload: found } = await answering({ accessSecretVersion: { name, payload: { data: bytes } } }).read({ path, version: undefined }, call)
    bytes.fill(0)
    expect(Buffer.from(found.bytes).toString()).toBe('v')
  })

  test('is sent with its checksum', async () => {
    const seen: Sent[] = []
    await answering({ addSecretVersion: version(2) }, seen).append({ path, payload, token, after: undefined, staged: false }, call)
    const sum = String(crc32c(payload.bytes))
    expect(seen[0]?.request).toEqual({ parent: 'projects/my-project/secrets/a', payload: { data: payload.bytes, dataCrc32c: sum } })
  })
})

describe('half an answer is corrupt', () => {
  const name = `${NAME}/versions/1`
  test.each<[string, unknown]>([
    ['none', undefined],
    ['null', null],
    ['text', 'x'],
    ['no name', { payload: { data: Buffer.from('v') } }],
    ['no payload', { name }],
    ['no data', { name, payload: {} }],
    ['data that is text', { name, payload: { data: 'dg==' } }],
    ['another secret', { name: 'projects/1/secrets/b/versions/1', payload: { data: Buffer.from('v') } }],
    ['another version', { name: `${NAME}/versions/2`, payload: { data: Buffer.from('v') } }],
    ['a version that is an alias', { name: `${NAME}/versions/latest`, payload: { data: Buffer.from('v') } }],
  ])('of a read: %s', async (_, answer) => {
    expect((await read(answer))[0]).toBe('corrupt')
  })

  test('of a write, which may have happened', async () => {
    for (const answer of [{}, { name: 7 }, version(0), { name: 'projects/1/secrets/b/versions/2' }]) {
      const driver = answering({ addSecretVersion: answer, createSecret: { name: NAME } })
      const appended = driver.append({ path, payload, token, after: undefined, staged: false }, call)
      expect(await codeOf(driver, appended)).toEqual(['corrupt', 'unknown', false])
      expect(await codeOf(driver, driver.create({ path, payload, labels: {}, token }, call))).toEqual(['corrupt', 'unknown', false])
    }
  })

  test('of a list', async () => {
    for (const secrets of ['x', [null], [{}], [{ name: 'x' }]]) {
      const driver = answering({ listSecrets: { secrets } })
      expect((await codeOf(driver, driver.list({ prefix: '', withLabels: false, page: undefined }, call)))[0]).toBe('corrupt')
    }
  })

  test('of a secret without an etag, with which nothing could be compared', async () => {
    const driver = answering({ getSecret: { name: NAME, versionAliases: { live: '1' } }, updateSecret: {} }, [], { versionAlias: 'live' })
    expect((await codeOf(driver, driver.promote({ path, version: '2' as VersionId, from: '1' as VersionId }, call)))[0]).toBe('corrupt')
  })
})

describe('versions', () => {
  test('are usable, disabled or destroyed; one that Google destroys later is destroyed', async () => {
    const versions = [
      version(5),
      version(4, { state: 'DISABLED' }),
      version(3, { state: 'DISABLED', scheduledDestroyTime: { seconds: '1800000000', nanos: 0 } }),
      version(2, { state: 'DESTROYED' }),
      version(1, { state: 'STATE_UNSPECIFIED', createTime: { seconds: '1700000000', nanos: 500_000_000 } }),
    ]
    const { items, next } = await answering({ listSecretVersions: { versions } }).versions({ path, after: undefined, page: undefined }, call)
    expect(items.map(({ version: id, state, current }) => [id, state, current])).toEqual([
      ['5', 'usable', true],
      ['4', 'disabled', false],
      ['3', 'destroyed', false],
      ['2', 'destroyed', false],
      ['1', 'disabled', false],
    ])
    expect([items[4]?.createdAt, items[0]?.createdAt, next]).toEqual([new Date(1_700_000_000_500), undefined, undefined])
  })

  test('that a list does not have yet are asked for by number, in front of the rest', async () => {
    const seen: Sent[] = []
    const answers = { listSecretVersions: { versions: [version(2), version(1)] }, getSecretVersion: [version(3), version(4), missing] }
    const { items } = await answering(answers, seen).versions({ path, after: undefined, page: undefined }, call)
    expect(items.map(({ version: id, current }) => [id, current])).toEqual([
      ['4', true],
      ['3', false],
      ['2', false],
      ['1', false],
    ])
    expect(seen.map(({ request }) => request['name'])).toEqual([
      undefined,
      ...[3, 4, 5].map(number => `projects/my-project/secrets/a/versions/${number}`),
    ])
  })

  test('of a secret that a list does not know yet are asked for by number too', async () => {
    const { items } = await answering({ getSecretVersion: [version(1), missing] }).versions({ path, after: undefined, page: undefined }, call)
    expect(items.map(({ version: id }) => id)).toEqual(['1'])
  })

  test('come by pages, and a later page knows which one is current', async () => {
    const seen: Sent[] = []
    const answers = {
      listSecretVersions: [
        { versions: [version(2)], nextPageToken: 'a b' },
        { versions: [version(1)], nextPageToken: '' },
      ],
    }
    const driver = answering(answers, seen, {})
    const first = await driver.versions({ path, after: undefined, page: undefined }, call)
    const second = await driver.versions({ path, after: undefined, page: first.next }, call)
    expect([first.items[0]?.current, second.items[0]?.current, second.next]).toEqual([true, false, undefined])
    expect(seen.at(-1)?.request['pageToken']).toBe('a b')
  })

  test('with an alias the one that has it is current, on whatever page', async () => {
    const lists = [{ versions: [version(2)], nextPageToken: 'n' }, { versions: [version(1)] }]
    const driver = answering({ listSecretVersions: lists, getSecret: { name: NAME, versionAliases: { live: '1', other: '2' } } }, [], {
      versionAlias: 'live',
    })
    const first = await driver.versions({ path, after: undefined, page: undefined }, call)
    const second = await driver.versions({ path, after: undefined, page: first.next }, call)
    expect([first.items[0]?.current, second.items[0]?.current]).toEqual([false, true])
  })
})

describe('requests', () => {
  test('are sent once, with a time to live, and routed by what they name', async () => {
    const seen: Sent[] = []
    const driver = answering({ listSecrets: {}, deleteSecret: {} }, seen)
    await driver.list({ prefix: 'a', withLabels: false, page: 'p' }, call)
    await driver.remove({ path, purge: true }, call)
    expect(seen.map(({ request, options }) => [request, options])).toEqual([
      [
        { parent: 'projects/my-project', pageSize: 100, filter: 'name:a', pageToken: 'p' },
        { timeout: 60_000, retry: null, autoPaginate: false, otherArgs: { headers: { 'x-goog-request-params': 'parent=projects%2Fmy-project' } } },
      ],
      [
        { name: 'projects/my-project/secrets/a' },
        {
          timeout: 60_000,
          retry: null,
          autoPaginate: false,
          otherArgs: { headers: { 'x-goog-request-params': 'name=projects%2Fmy-project%2Fsecrets%2Fa' } },
        },
      ],
    ])
  })

  test('a create carries the labels, the annotations of the options, the token and where to keep it', async () => {
    const kmsKey = 'projects/p/locations/europe-west3/keyRings/r/cryptoKeys/k'
    const cases: readonly [Partial<GcpOptions>, object][] = [
      [{}, { replication: { automatic: {} } }],
      [{ replication: { type: 'automatic', kmsKey } }, { replication: { automatic: { customerManagedEncryption: { kmsKeyName: kmsKey } } } }],
      [
        { replication: { type: 'locations', locations: [{ location: 'us-east1' }, { location: 'europe-west3', kmsKey }] } },
        {
          replication: {
            userManaged: { replicas: [{ location: 'us-east1' }, { location: 'europe-west3', customerManagedEncryption: { kmsKeyName: kmsKey } }] },
          },
        },
      ],
      [{ region: 'europe-west3' }, {}],
      [{ region: 'europe-west3', replication: { type: 'automatic', kmsKey } }, { customerManagedEncryption: { kmsKeyName: kmsKey } }],
    ]
    for (const [options, place] of cases) {
      const seen: Sent[] = []
      const driver = answering({ createSecret: { name: NAME }, addSecretVersion: version(1) }, seen, {
        annotations: { team: 'x', owner: 'y' },
        ...options,
      })
      const { fullPath } = await driver.create({ path, payload, labels: { owner: 'a' }, token }, call)
      const parent = options.region === undefined ? 'projects/my-project' : 'projects/my-project/locations/europe-west3'
      const annotations = { team: 'x', owner: 'a', 'strongroom-create': token }
      expect(seen[0]?.request).toEqual({ parent, secretId: 'a', secret: { ...place, annotations } })
      expect(fullPath).toBe(`${parent}/secrets/a`)
    }
  })

  test('a list keeps to its prefix, and leaves out the driver’s own annotation', async () => {
    const secrets = ['app-a', 'App-b', 'app-c', 'other-app-d'].map(id => ({
      name: `projects/1/secrets/${id}`,
      annotations: { k: 'v', 'strongroom-create': 't' },
    }))
    const { items, next } = await answering({ listSecrets: { secrets, nextPageToken: 'n' } }).list(
      { prefix: 'app-', withLabels: true, page: undefined },
      call,
    )
    expect([items.map(item => item.path), items[0]?.labels, next]).toEqual([['app-a', 'app-c'], { k: 'v' }, 'n'])
  })

  test.each(['a b', 'a/b', 'a"b', '*'])('the prefix %o, which no name has, finds nothing and asks nobody', async prefix => {
    const seen: Sent[] = []
    expect(await answering({ listSecrets: { secrets: [] } }, seen).list({ prefix, withLabels: false, page: undefined }, call)).toEqual({
      items: [],
      next: undefined,
    })
    expect(seen).toEqual([])
  })

  test.each(['', '-a', '_a', 'AND', 'OR', 'NOT'])('the prefix %o is no filter', async prefix => {
    const seen: Sent[] = []
    await answering({ listSecrets: {} }, seen).list({ prefix, withLabels: false, page: undefined }, call)
    expect(seen[0]?.request).toEqual({ parent: 'projects/my-project', pageSize: 100 })
  })
})

describe('a ready client', () => {
  test('stays open when the driver is closed', async () => {
    let closed = 0
    const client = {
      createSecret: async () => [],
      addSecretVersion: async () => [],
      accessSecretVersion: async () => [],
      close: async () => void (closed += 1),
    }
    const driver = gcpDriver({ projectId: 'my-project', client })
    await driver.read({ path, version: undefined }, call).catch(() => {})
    await driver.close()
    expect(closed).toBe(0)
    expect((await codeOf(driver, driver.read({ path, version: undefined }, call)))[0]).toBe('closed')
  })

  test('that throws something odd makes an unknown failure', async () => {
    const driver = gcpDriver({
      projectId: 'my-project',
      client: {
        createSecret: async () => [],
        addSecretVersion: async () => [],
        accessSecretVersion: async () => await Promise.reject(new TypeError('x')),
      },
    })
    expect(await codeOf(driver, driver.read({ path, version: undefined }, call))).toEqual(['unknown', 'none', false])
  })
})
