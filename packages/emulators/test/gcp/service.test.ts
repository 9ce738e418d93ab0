import { connect } from 'node:http2'
import { once as event } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { once, transports } from './clients.ts'
import { AUTOMATIC, codeOf, Place, thrownBy } from './place.ts'

let open: Place | undefined
afterEach(async () => {
  await open?.stop()
  open = undefined
})

describe.each(transports)('over %s', transport => {
  const start = async (locationId?: string): Promise<Place> => {
    open = await Place.start(transport, { locationId })
    return open
  }

  test('names are answered with the number of the project, and taken with either', async () => {
    const place = await start()
    const { projectId, projectNumber } = place.emulator
    expect(projectNumber).toMatch(/^\d{12}$/)
    const [secret] = await place.client.createSecret({ parent: place.parent, secretId: 'a', secret: AUTOMATIC }, once)
    expect(secret.name).toBe(`projects/${projectNumber}/secrets/a`)
    for (const project of [projectId, projectNumber]) {
      const [read] = await place.client.getSecret({ name: `projects/${project}/secrets/a` }, once)
      expect(read.name).toBe(secret.name)
    }
    expect(await codeOf(place.client.getSecret({ name: 'projects/somebody-elses/secrets/a' }, once))).toBe(7)
  })

  test('a payload comes back with its checksum, and each version has its own number', async () => {
    const place = await start()
    await place.create('a')
    const data = Buffer.from([0, 255, 128, 10])
    const [added] = await place.client
      .addSecretVersion({ parent: place.name('a'), payload: { data, dataCrc32c: 2_979_107_319 } }, once)
      .catch(() => [undefined])
    expect(added).toBeUndefined()
    const [version] = await place.client.addSecretVersion(
      { parent: place.name('a'), payload: { data: Buffer.from('123456789'), dataCrc32c: 0xe3_06_92_83 } },
      once,
    )
    expect([version.name?.endsWith('/versions/1'), version.clientSpecifiedPayloadChecksum]).toEqual([true, true])
    await place.client.addSecretVersion({ parent: place.name('a'), payload: { data } }, once)
    const [answer] = await place.client.accessSecretVersion({ name: place.name('a', 1) }, once)
    // The check value of CRC-32C.
    expect(String(answer.payload?.dataCrc32c)).toBe(String(0xe3_06_92_83))
    const [binary] = await place.client.accessSecretVersion({ name: place.name('a', 'latest') }, once)
    expect([Buffer.from(binary.payload?.data ?? '').equals(data), binary.name?.endsWith('/versions/2')]).toEqual([true, true])
  })

  test('etags: a write with a stale one is refused, and even a write that changes nothing makes a new one', async () => {
    const place = await start()
    await place.create('a')
    await place.add('a')
    const name = place.name('a')
    const [before] = await place.client.getSecret({ name }, once)
    await place.add('a')
    const [after] = await place.client.getSecret({ name }, once)
    expect(after.etag).toBe(before.etag)
    const update = (etag: string): Promise<unknown> =>
      place.client.updateSecret({ secret: { name, etag, labels: {} }, updateMask: { paths: ['labels'] } }, once)
    expect([await codeOf(update(before.etag ?? '')), await codeOf(update(before.etag ?? ''))]).toEqual([0, 9])
    const [version] = await place.client.getSecretVersion({ name: place.name('a', 1) }, once)
    const [enabled] = await place.client.enableSecretVersion({ name: place.name('a', 1), etag: version.etag ?? '' }, once)
    expect(enabled.etag).not.toBe(version.etag)
    expect(await codeOf(place.client.disableSecretVersion({ name: place.name('a', 1), etag: version.etag ?? '' }, once))).toBe(9)
    expect(await codeOf(place.client.deleteSecret({ name, etag: before.etag ?? '' }, once))).toBe(9)
    const [now] = await place.client.getSecret({ name }, once)
    expect(await codeOf(place.client.deleteSecret({ name, etag: now.etag ?? '' }, once))).toBe(0)
  })

  test('an update changes what its mask names, each map as a whole', async () => {
    const place = await start()
    await place.create('a', { ...AUTOMATIC, labels: { one: '1', two: '2' }, annotations: { a: 'A', b: 'B' } })
    await place.add('a', 'one')
    await place.add('a', 'two')
    const update = async (secret: object, ...paths: string[]): Promise<object> => {
      const [updated] = await place.client.updateSecret({ secret: { name: place.name('a'), ...secret }, updateMask: { paths } }, once)
      return { labels: updated.labels, annotations: updated.annotations, aliases: updated.versionAliases, expires: updated.expireTime !== undefined }
    }
    const labels = { one: '1', two: '2' }
    expect(await update({ annotations: { c: 'C' }, labels: {} }, 'annotations')).toEqual({
      labels,
      annotations: { c: 'C' },
      aliases: {},
      expires: false,
    })
    const aliases = { prod: '1' }
    expect(await update({ versionAliases: { prod: 1 } }, 'version_aliases')).toEqual({ labels, annotations: { c: 'C' }, aliases, expires: false })
    expect(await place.read('a', 'prod')).toBe('one')
    expect(await update({ ttl: { seconds: 60 } }, 'ttl')).toMatchObject({ expires: true })
    expect(await update({}, 'expire_time', 'labels')).toEqual({ labels: {}, annotations: { c: 'C' }, aliases, expires: false })
    await place.client.deleteSecret({ name: place.name('a') }, once)
    expect(await codeOf(update({}, 'labels'))).toBe(5)
  })

  test('rotation needs a topic and a time, and may be changed in parts', async () => {
    const place = await start()
    const topics = [{ name: 'projects/p/topics/t' }]
    const next = { seconds: Math.floor(Date.now() / 1000) + 7200 }
    const rotation = { nextRotationTime: next, rotationPeriod: { seconds: 3600 } }
    expect(await codeOf(place.create('a', { ...AUTOMATIC, rotation }))).toBe(3)
    expect(await codeOf(place.create('a', { ...AUTOMATIC, topics, rotation: { rotationPeriod: { seconds: 3600 } } }))).toBe(3)
    expect(await codeOf(place.create('a', { ...AUTOMATIC, topics, rotation: { nextRotationTime: { seconds: next.seconds - 7000 } } }))).toBe(3)
    await place.create('a', { ...AUTOMATIC, topics, rotation })
    const [changed] = await place.client.updateSecret(
      { secret: { name: place.name('a'), rotation: { rotationPeriod: { seconds: 7200 } } }, updateMask: { paths: ['rotation.rotation_period'] } },
      once,
    )
    expect([String(changed.rotation?.rotationPeriod?.seconds), String(changed.rotation?.nextRotationTime?.seconds)]).toEqual([
      '7200',
      String(next.seconds),
    ])
  })

  describe('limits, at and past', () => {
    const pairs = (count: number, value = 'v'): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, value]))
    test.each<[string, string, object, number]>([
      ['the longest id', 'a'.repeat(255), {}, 0],
      ['an id that is too long', 'a'.repeat(256), {}, 3],
      ['64 labels', 'a', { labels: pairs(64) }, 0],
      ['65 labels', 'a', { labels: pairs(65) }, 3],
      ['the longest label', 'a', { labels: { ['k'.repeat(63)]: 'v'.repeat(63) } }, 0],
      ['a label key that is too long', 'a', { labels: { ['k'.repeat(64)]: 'v' } }, 3],
      ['a label value that is too long', 'a', { labels: { k: 'v'.repeat(64) } }, 3],
      ['letters that are not Latin', 'a', { labels: { größe: '大' } }, 0],
      ['a label key of more bytes than 128', 'a', { labels: { ['大'.repeat(43)]: 'v' } }, 3],
      ['an upper case label', 'a', { labels: { k: 'V' } }, 3],
      ['a label key that begins with a number', 'a', { labels: { '1k': 'v' } }, 3],
      ['annotations of 16 KiB less one byte', 'a', { annotations: { k: 'v'.repeat(16_382) } }, 0],
      ['annotations of 16 KiB', 'a', { annotations: { k: 'v'.repeat(16_383) } }, 3],
      ['an annotation with any value', 'a', { annotations: { 'a.b_c-D9': 'Any thing.\n' } }, 0],
      ['an annotation key that ends with a dot', 'a', { annotations: { 'a.': 'v' } }, 3],
      ['an annotation key that is too long', 'a', { annotations: { ['k'.repeat(64)]: 'v' } }, 3],
      ['an expiry of no time', 'a', { ttl: { seconds: 0 } }, 3],
      ['a delay of destruction of a day', 'a', { versionDestroyTtl: { seconds: 86_400 } }, 0],
      ['a delay of destruction of less', 'a', { versionDestroyTtl: { seconds: 86_399 } }, 3],
      ['ten topics', 'a', { topics: Array.from({ length: 10 }, (_, index) => ({ name: `projects/p/topics/t${index}` })) }, 0],
      ['eleven topics', 'a', { topics: Array.from({ length: 11 }, (_, index) => ({ name: `projects/p/topics/t${index}` })) }, 3],
      ['replicas nowhere', 'a', { replication: { userManaged: { replicas: [] } } }, 3],
    ])('%s', async (_, id, secret, code) => {
      const place = await start()
      expect(await codeOf(place.create(id, { ...AUTOMATIC, ...secret }))).toBe(code)
    })

    test.each([
      ['1 byte', 1, 0],
      ['64 KiB', 65_536, 0],
      ['64 KiB and one byte', 65_537, 3],
      ['no byte', 0, 3],
    ])('a payload of %s', async (_, size, code) => {
      const place = await start()
      await place.create('a')
      expect(await codeOf(place.add('a', 'v'.repeat(size)))).toBe(code)
    })

    test.each<[string, Record<string, number>, number]>([
      ['50 aliases', Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`a${index}`, 1])), 0],
      ['51 aliases', Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`a${index}`, 1])), 3],
      ['the longest alias', { ['a'.repeat(63)]: 1 }, 0],
      ['an alias that is too long', { ['a'.repeat(64)]: 1 }, 3],
      ['the alias latest', { latest: 1 }, 3],
      ['the alias NEW', { NEW: 1 }, 3],
      ['an alias that begins with a number', { '1a': 1 }, 3],
      ['an alias of no version', { a: 2 }, 3],
    ])('%s', async (_, versionAliases, code) => {
      const place = await start()
      await place.create('a')
      await place.add('a')
      const request = { secret: { name: place.name('a'), versionAliases }, updateMask: { paths: ['version_aliases'] } }
      expect(await codeOf(place.client.updateSecret(request, once))).toBe(code)
    })
  })

  describe('lists', () => {
    test('pages go on where the last one ended, whatever is made meanwhile, and a token is good for its list only', async () => {
      const place = await start()
      for (let index = 0; index < 7; index += 1) await place.create(`s${index}`)
      const seen: string[] = []
      let pageToken = ''
      do {
        const request = { parent: place.parent, pageSize: 3, pageToken }
        const [secrets, , page] = await place.client.listSecrets(request, once)
        seen.push(...secrets.map(({ name }) => name?.split('/').at(-1) ?? ''))
        expect(page?.totalSize).toBe(7 + (pageToken === '' ? 0 : 1))
        if (pageToken === '') await place.create('meanwhile')
        pageToken = page?.nextPageToken ?? ''
        if (seen.length > 3) continue
        expect(await codeOf(place.client.listSecrets({ ...request, pageToken, filter: 'name:s' }, once))).toBe(3)
        expect(await codeOf(place.client.listSecrets({ ...request, pageToken: `${pageToken}x`, pageSize: 1 }, once))).toBe(0)
        expect(await codeOf(place.client.listSecrets({ ...request, pageToken: pageToken.replace(/^./, 'z') }, once))).toBe(3)
      } while (pageToken !== '')
      expect(seen).toEqual(['s6', 's5', 's4', 's3', 's2', 's1', 's0'])
    })

    test('the server decides on pages where the request does not; a size that is too large is cut', async () => {
      const place = await start()
      await place.create('a')
      for (let index = 0; index < 101; index += 1) await place.add('a')
      const sizes = []
      for (const pageSize of [0, 25_001]) sizes.push((await place.client.listSecretVersions({ parent: place.name('a'), pageSize }, once))[0].length)
      expect(sizes).toEqual([100, 101])
      expect(await codeOf(place.client.listSecretVersions({ parent: place.name('a'), pageSize: -1 }, once))).toBe(3)
      const [all] = await place.client.listSecretVersions({ parent: place.name('a') }, { ...once, autoPaginate: true })
      expect(all).toHaveLength(101)
    })

    test.each<[string, readonly string[]]>([
      ['name:db', ['db-prod', 'db-test']],
      ['name:DB-*od', ['db-prod']],
      ['name:db OR name:cache', ['cache', 'db-prod', 'db-test']],
      ['labels.env=prod', ['db-prod']],
      ['labels.env=pr*', ['db-prod']],
      ['labels.env!=prod', ['cache', 'db-test']],
      ['labels.env:*', ['db-prod', 'db-test']],
      ['labels:env', ['db-prod', 'db-test']],
      ['NOT labels.env:*', ['cache']],
      ['-labels.env:*', ['cache']],
      ['labels.env:(prod OR test) AND name:test', ['db-test']],
      ['name:db labels.env=test', ['db-test']],
      ['name:cache AND labels.env=prod OR labels.env=test', []],
      ['(name:cache AND NOT labels.env:*) OR labels.env=test', ['cache', 'db-test']],
      ['annotations.owner="Some One"', ['db-test']],
      ['annotations.team.name:*', ['cache']],
      ['create_time>2021-01-01T06:00:00Z AND create_time<2021-01-01T12:00:00Z', []],
      ['create_time>2021-01-01T06:00:00Z', ['cache', 'db-prod', 'db-test']],
      ['replication.user_managed.replicas.location:* AND NOT replication.user_managed.replicas.location:us-east1', ['db-prod']],
      ['replication.automatic:*', ['cache', 'db-test']],
    ])('the filter %s', async (filter, names) => {
      const place = await start()
      await place.create('db-test', { ...AUTOMATIC, labels: { env: 'test' }, annotations: { owner: 'Some One' } })
      await place.create('db-prod', { replication: { userManaged: { replicas: [{ location: 'europe-west3' }] } }, labels: { env: 'prod' } })
      await place.create('cache', { ...AUTOMATIC, annotations: { 'team.name': 'core' } })
      expect((await place.list(filter)).toSorted()).toEqual(names)
    })

    test.each([
      'nothing=1',
      'name',
      'name:',
      'name~x',
      '(name:x',
      'name:x)',
      'name:a AND',
      'OR name:a',
      'create_time>soon',
      'labels.a<b',
      'name:x AND zone:y',
      '=x',
    ])('the filter %s is refused', async filter => {
      const place = await start()
      expect(await codeOf(place.list(filter))).toBe(3)
    })

    test('versions by state', async () => {
      const place = await start()
      await place.create('a')
      for (let index = 0; index < 3; index += 1) await place.add('a')
      await place.client.disableSecretVersion({ name: place.name('a', 1) }, once)
      await place.client.destroySecretVersion({ name: place.name('a', 2) }, once)
      expect(await place.listVersions('a', 'state:ENABLED')).toEqual(['3'])
      expect(await place.listVersions('a', 'state=DISABLED OR state=DESTROYED')).toEqual(['2', '1'])
      expect(await place.listVersions('a', 'NOT state:(ENABLED OR DISABLED)')).toEqual(['2'])
      expect(await codeOf(place.listVersions('a', 'labels.a=b'))).toBe(3)
    })
  })

  test('regional secrets are apart, and have no replication policy', async () => {
    const place = await start()
    const parent = `${place.parent}/locations/europe-west3`
    expect(await thrownBy(place.client.createSecret({ parent, secretId: 'a', secret: AUTOMATIC }, once))).toMatchObject({ code: 3 })
    await place.client.createSecret({ parent, secretId: 'a', secret: {} }, once)
    await place.client.addSecretVersion({ parent: `${parent}/secrets/a`, payload: { data: Buffer.from('regional') } }, once)
    const [answer] = await place.client.accessSecretVersion({ name: `${parent}/secrets/a/versions/latest` }, once)
    expect(answer.name).toBe(`projects/${place.emulator.projectNumber}/locations/europe-west3/secrets/a/versions/1`)
    expect(await place.list()).toEqual([])
    expect(await codeOf(place.client.getSecret({ name: place.name('a') }, once))).toBe(5)
    await place.create('a')
    expect(await place.list()).toEqual(['a'])
  })

  test('keys of the customer are kept, and each version is told with the version of its key', async () => {
    const place = await start()
    const customerManagedEncryption = { kmsKeyName: 'projects/p/locations/global/keyRings/r/cryptoKeys/k' }
    const status = { kmsKeyVersionName: `${customerManagedEncryption.kmsKeyName}/versions/1` }
    await place.create('a', { replication: { automatic: { customerManagedEncryption } } })
    const [secret] = await place.client.getSecret({ name: place.name('a') }, once)
    expect(secret.replication?.automatic?.customerManagedEncryption).toEqual(customerManagedEncryption)
    await place.add('a')
    const [version] = await place.client.getSecretVersion({ name: place.name('a', 1) }, once)
    expect(version.replicationStatus?.automatic?.customerManagedEncryption).toEqual(status)
    const parent = `${place.parent}/locations/europe-west3`
    await place.client.createSecret({ parent, secretId: 'b', secret: { customerManagedEncryption } }, once)
    const [regional] = await place.client.addSecretVersion({ parent: `${parent}/secrets/b`, payload: { data: Buffer.from('value') } }, once)
    expect(regional.customerManagedEncryption).toEqual(status)
    expect(await codeOf(place.create('c', { ...AUTOMATIC, customerManagedEncryption }))).toBe(3)
    expect(await codeOf(place.create('c', { replication: { automatic: { customerManagedEncryption: { kmsKeyName: 'k' } } } }))).toBe(3)
  })

  test('the endpoint of a region has no other secrets', async () => {
    const place = await start('europe-west3')
    expect(await codeOf(place.create('a'))).toBe(3)
    expect(await codeOf(place.client.listSecrets({ parent: `${place.parent}/locations/us-east1` }, once))).toBe(3)
    expect(await codeOf(place.client.listSecrets({ parent: `${place.parent}/locations/europe-west3` }, once))).toBe(0)
  })

  test('what is no name, and what is not emulated, is said to be so', async () => {
    const place = await start()
    await place.create('a')
    for (const version of ['latest', 'prod'])
      expect(await codeOf(place.client.destroySecretVersion({ name: place.name('a', version) }, once))).toBe(3)
    expect(await codeOf(place.client.accessSecretVersion({ name: place.name('a', 'prod') }, once))).toBe(5)
    expect(await codeOf(place.client.accessSecretVersion({ name: place.name('a', '0') }, once))).toBe(5)
    expect(await codeOf(place.client.getIamPolicy({ resource: place.name('a') }, once as never))).toBe(12)
    expect(await codeOf(place.client.rotateSecret({ parent: place.name('a') }, once))).toBe(12)
  })
})

describe('REST without a client', () => {
  const ask = async (
    path: string,
    method = 'GET',
    body?: string,
  ): Promise<{ readonly status: number; readonly type: string | null; readonly text: string }> => {
    open ??= await Place.start('rest')
    const answer = await fetch(`${open.emulator.url}/v1/projects/strongroom-test/${path}`, { method, ...(body !== undefined && { body }) })
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() }
  }
  const made = JSON.stringify({ replication: { automatic: {} }, labels: { a: 'b' }, expire_time: '2100-01-01T00:00:00.5Z', annotations: null })

  test('JSON is as Google writes it: what is empty is left out, times are text, 64-bit numbers are text', async () => {
    const created = await ask('secrets?secretId=a', 'POST', made)
    expect(JSON.parse(created.text)).toEqual({
      name: expect.stringMatching(/^projects\/\d{12}\/secrets\/a$/) as string,
      replication: { automatic: {} },
      createTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}(\d{3})?)?Z$/) as string,
      labels: { a: 'b' },
      expireTime: '2100-01-01T00:00:00.500Z',
      etag: expect.stringMatching(/^"[0-9a-f]+"$/) as string,
    })
    expect((await ask('secrets/a:addVersion', 'POST', '{"payload":{"data":"-_8="}}')).status).toBe(200)
    const access = JSON.parse((await ask('secrets/a/versions/1:access')).text) as {
      readonly payload: { readonly data: string; readonly dataCrc32c: string }
    }
    expect([access.payload.data, typeof access.payload.dataCrc32c]).toEqual(['+/8=', 'string'])
    const patched = await ask('secrets/a?updateMask=versionAliases,ttl', 'PATCH', '{"versionAliases":{"x":"1"},"ttl":"60.5s"}')
    expect(JSON.parse(patched.text)).toMatchObject({ versionAliases: { x: '1' } })
    expect(JSON.parse((await ask('secrets/a/versions/1:disable', 'POST')).text)).toMatchObject({ state: 'DISABLED' })
    expect((await ask('secrets/a', 'DELETE')).text.trim()).toBe('{}')
    expect((await ask('secrets')).text.trim()).toBe('{}')
  })

  test.each([
    ['a field that is not there', 'secrets?secretId=a', 'POST', '{"replication":{"automatic":{}},"color":"red"}'],
    ['a parameter that is not there', 'secrets?color=red', 'GET', undefined],
    ['a page size that is no number', 'secrets?pageSize=many', 'GET', undefined],
    ['half a body', 'secrets?secretId=a', 'POST', '{"replication":'],
    ['a body that is no object', 'secrets?secretId=a', 'POST', '[]'],
    ['a time that is none', 'secrets?secretId=a', 'POST', '{"expireTime":"soon"}'],
    ['a duration that is none', 'secrets?secretId=a', 'POST', '{"ttl":"1h"}'],
    ['a map that is none', 'secrets?secretId=a', 'POST', '{"labels":"a"}'],
  ])('%s is INVALID_ARGUMENT', async (_, path, method, body) => {
    const { status, text } = await ask(path, method, body)
    expect([status, JSON.parse(text)]).toEqual([400, { error: { code: 400, status: 'INVALID_ARGUMENT', message: expect.any(String) as string } }])
  })

  test.each(['nothing', 'secrets/a:explode', 'secrets/a/versions/1:destroy'])('%s is a page of HTML with status 404', async path => {
    const { status, type } = await ask(path)
    expect([status, type]).toEqual([404, 'text/html; charset=UTF-8'])
  })
})

describe('gRPC without a client', () => {
  const ask = async (method: string, body: Buffer): Promise<string | undefined> => {
    open ??= await Place.start('grpc')
    const session = connect(`http://127.0.0.1:${open.emulator.grpcPort}`)
    const stream = session.request({ ':method': 'POST', ':path': method, 'content-type': 'application/grpc', te: 'trailers' })
    const answered = event(stream, 'response') as Promise<[{ readonly 'grpc-status'?: string }]>
    stream.end(body)
    const [headers] = await answered
    stream.resume()
    session.close()
    return headers['grpc-status']
  }
  const service = '/google.cloud.secretmanager.v1.SecretManagerService'

  test.each([
    ['a method that is not there', `${service}/Explode`, Buffer.alloc(5), '12'],
    ['no message', `${service}/GetSecret`, Buffer.alloc(0), '3'],
    ['half a message', `${service}/GetSecret`, Buffer.from([0, 0, 0, 0, 9, 10, 3]), '3'],
    ['what is no message', `${service}/GetSecret`, Buffer.from([0, 0, 0, 0, 2, 10, 99]), '3'],
    ['a compressed message', `${service}/GetSecret`, Buffer.from([1, 0, 0, 0, 0]), '3'],
    ['no name', `${service}/GetSecret`, Buffer.alloc(5), '3'],
  ])('%s', async (_, path, body, status) => {
    expect(String(await ask(path, body))).toBe(status)
  })
})
