import type { Fault } from '@strongroom/emulators'
import { afterEach, describe, expect, test } from 'vitest'
import { once, transports, type Transport } from './clients.ts'
import { AUTOMATIC, codeOf, Place, thrownBy } from './place.ts'

describe.each(transports)('over %s', transport => {
  let place: Place | undefined
  afterEach(async () => {
    await place?.stop()
    place = undefined
  })
  const start = async (): Promise<Place> => {
    place = await Place.start(transport)
    return place
  }

  /** The code that the client makes of it, and whether the write was applied; 0: the client has an answer. */
  const faults: readonly [Fault, Readonly<Record<Transport, number>>, boolean][] = [
    [{ kind: 'throttle' }, { grpc: 8, rest: 8 }, false],
    [{ kind: 'fail', code: 'INTERNAL' }, { grpc: 13, rest: 13 }, false],
    [{ kind: 'fail', code: 'UNAVAILABLE' }, { grpc: 14, rest: 14 }, false],
    [{ kind: 'fail', code: 'ABORTED' }, { grpc: 10, rest: 10 }, false],
    [{ kind: 'fail', code: 'DEADLINE_EXCEEDED' }, { grpc: 4, rest: 4 }, false],
    [{ kind: 'answer', status: 502, body: '<html>bad gateway</html>' }, { grpc: 14, rest: 13 }, false],
    [{ kind: 'answer', status: 200, body: '<html>welcome</html>' }, { grpc: 13, rest: 14 }, false],
    [{ kind: 'reset' }, { grpc: 14, rest: 14 }, false],
    [{ kind: 'stall' }, { grpc: 4, rest: 4 }, false],
    [{ kind: 'lose' }, { grpc: 14, rest: 14 }, true],
    [{ kind: 'cut' }, { grpc: 14, rest: 14 }, true],
    [{ kind: 'slow', gapMs: 5 }, { grpc: 0, rest: 0 }, true],
    [{ kind: 'delay', ms: 20 }, { grpc: 0, rest: 0 }, true],
  ]

  test.each(faults.map(each => [JSON.stringify(each[0]), ...each] as const))('%s', async (_, fault, codes, applied) => {
    const { client, emulator, ...here } = await start()
    const { controls } = emulator
    await place?.create('a')
    controls.inject(fault)
    const before = controls.requests
    const request = { parent: `${here.parent}/secrets/a`, payload: { data: Buffer.from('value') } }
    expect(await codeOf(client.addSecretVersion(request, { ...once, timeout: fault.kind === 'stall' ? 500 : 5_000 }))).toBe(codes[transport])
    expect(controls.requests - before).toBe(1)
    expect(controls.journal.at(-1)).toMatchObject({ operation: 'AddSecretVersion', name: 'a', fault: fault.kind })
    const silent = ['reset', 'stall', 'lose'].includes(fault.kind)
    expect(controls.journal.at(-1)?.answered === 'none').toBe(silent)
    // The connection may be a new one; nothing waits any more.
    expect(await place?.listVersions('a')).toEqual(applied ? ['1'] : [])
  })

  test.each([false, true])('a request is held until it is let go, applied: %s', async applied => {
    const { client, emulator, parent } = await start()
    await place?.create('a')
    const { promise: released, resolve: letGo } = Promise.withResolvers<void>()
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    emulator.controls.inject({ kind: 'hold', applied, release: () => (reach(), released) }, { operations: ['AddSecretVersion'] })
    const request = { parent: `${parent}/secrets/a`, payload: { data: Buffer.from('value') } }
    const sent = codeOf(client.addSecretVersion(request, { ...once, timeout: 1_000 }))
    await reached
    expect(await sent, 'its sender has given up').toBe(4)
    expect(await place?.listVersions('a')).toEqual(applied ? ['1'] : [])
    letGo()
    await expect.poll(() => place?.listVersions('a')).toEqual(['1'])
  })

  test('a throttled call is told how long to wait', async () => {
    const { client, emulator, parent } = await start()
    emulator.controls.inject({ kind: 'throttle', retryAfterMs: 1500 })
    const error = await thrownBy(client.listSecrets({ parent }, once))
    expect(error?.reason).toBe('RATE_LIMIT_EXCEEDED')
    expect(error?.statusDetails).toContainEqual(expect.objectContaining({ retryDelay: expect.objectContaining({ nanos: 500_000_000 }) as object }))
    if (transport === 'grpc') return
    emulator.controls.inject({ kind: 'throttle', retryAfterMs: 1500 })
    const answer = await fetch(`${emulator.url}/v1/${parent}/secrets`)
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '2'])
  })

  test('faults wait for their operations, as often as was said, until they are forgotten', async () => {
    const { client, emulator, parent } = await start()
    await place?.create('a')
    emulator.controls.inject({ kind: 'fail', code: 'UNAVAILABLE' }, { operations: ['GetSecret'], count: 2 })
    const name = `${parent}/secrets/a`
    const codes = [await codeOf(client.listSecrets({ parent }, once)), await codeOf(client.getSecret({ name }, once))]
    emulator.controls.clearFaults()
    codes.push(await codeOf(client.getSecret({ name }, once)))
    expect(codes).toEqual([0, 14, 0])
  })

  test.each(['SecretNotFound', 'OK'])('a code that is no error of gRPC (%s) is refused at once', async code => {
    const { client, emulator, parent } = await start()
    expect(() => emulator.controls.inject({ kind: 'fail', code })).toThrow(RangeError)
    expect(await codeOf(client.listSecrets({ parent }, once))).toBe(0)
  })

  test('many calls at once on one connection each have their own answer', async () => {
    const { emulator, ...here } = await start()
    await place?.create('a')
    emulator.controls.inject({ kind: 'delay', ms: 30 })
    const numbers = await Promise.all(Array.from({ length: 20 }, async (_, index) => [await place?.add('a', `value ${index}`), `value ${index}`]))
    expect(new Set(numbers.map(([number]) => number)).size).toBe(20)
    for (const [number = '', value] of numbers) expect(await place?.read('a', number)).toBe(value)
    expect(here.parent).toBe(`projects/${emulator.projectId}`)
  })

  describe('permissions', () => {
    test('as long as none were said, everybody may do everything', async () => {
      const { emulator } = await start()
      await place?.create('a')
      expect(emulator.controls.journal.map(({ answered }) => answered)).toEqual([transport === 'grpc' ? 0 : 200])
    })

    test('two principals: each may do what was said, a third nothing', async () => {
      const { emulator, parent } = await start()
      const { controls } = emulator
      controls.permit('writer', { operations: ['CreateSecret', 'AddSecretVersion', 'TestIamPermissions'] })
      controls.permit('reader', { operations: ['AccessSecretVersion'] })
      const [writer, reader, stranger] = [place?.as('writer'), place?.as('reader'), place?.as('stranger')]
      if (writer === undefined || reader === undefined || stranger === undefined) throw new Error('not started')
      const name = `${parent}/secrets/a`
      await writer.createSecret({ parent, secretId: 'a', secret: AUTOMATIC }, once)
      await writer.addSecretVersion({ parent: name, payload: { data: Buffer.from('value') } }, once)
      await reader.accessSecretVersion({ name: `${name}/versions/latest` }, once)
      const error = await thrownBy(writer.accessSecretVersion({ name: `${name}/versions/1` }, once))
      expect(error).toMatchObject({ code: 7, reason: 'IAM_PERMISSION_DENIED' })
      expect(error?.message).toContain(`Permission 'secretmanager.versions.access' denied for resource '${name}/versions/1' (or it may not exist).`)
      expect(await codeOf(reader.getSecret({ name }, once))).toBe(7)
      expect(await thrownBy(stranger.getSecret({ name }, once))).toMatchObject({ code: 16, reason: 'ACCESS_TOKEN_EXPIRED' })
      const permissions = ['secretmanager.versions.add', 'secretmanager.versions.access', 'secretmanager.nothing']
      const [tested] = await writer.testIamPermissions({ resource: name, permissions }, once as never)
      expect(tested.permissions).toEqual(['secretmanager.versions.add'])
      const [nothing] = await writer.testIamPermissions({ resource: `${parent}/secrets/none`, permissions }, once as never)
      expect(nothing.permissions).toEqual([])
    })

    test('a credential is good for as long as was said, by the clock', async () => {
      const { emulator, parent } = await start()
      emulator.controls.permit('token', { expiresInMs: 60_000 })
      const client = place?.as('token')
      expect(await codeOf(client?.listSecrets({ parent }, once) ?? Promise.resolve())).toBe(0)
      emulator.controls.clock.advance(60_001)
      expect(await codeOf(client?.listSecrets({ parent }, once) ?? Promise.resolve())).toBe(16)
    })

    test('who sends no token is `anonymous`', async () => {
      const { emulator, client, parent } = await start()
      const { controls, url } = emulator
      const ask = async (): Promise<{ readonly code: number; readonly reason: string | undefined }> => {
        if (transport === 'grpc') {
          const error = await thrownBy(client.listSecrets({ parent }, once))
          return { code: error?.code ?? 0, reason: error?.reason }
        }
        // The client over REST always sends one.
        const answer = await fetch(`${url}/v1/${parent}/secrets`)
        const { error } = (await answer.json()) as { readonly error?: { readonly details: readonly { readonly reason: string }[] } }
        return { code: answer.status, reason: error?.details[0]?.reason }
      }
      controls.permit('somebody')
      expect(await ask()).toEqual({ code: transport === 'grpc' ? 16 : 401, reason: 'CREDENTIALS_MISSING' })
      controls.permit('anonymous', { operations: ['ListSecrets'] })
      expect(await ask()).toEqual({ code: transport === 'grpc' ? 0 : 200, reason: undefined })
    })
  })

  test('the journal has names and codes, and no value, label, annotation or credential', async () => {
    const { emulator, parent } = await start()
    emulator.controls.permit('a-token-that-is-secret')
    const client = place?.as('a-token-that-is-secret')
    if (client === undefined) throw new Error('not started')
    const marker = 'marker-7f3a-of-a-value'
    const secret = { ...AUTOMATIC, labels: { label: 'marker-of-a-label' }, annotations: { note: marker } }
    await client.createSecret({ parent, secretId: 'a', secret }, once)
    await client.addSecretVersion({ parent: `${parent}/secrets/a`, payload: { data: Buffer.from(marker) } }, once)
    await client.accessSecretVersion({ name: `${parent}/secrets/a/versions/latest` }, once)
    expect(await codeOf(client.getSecret({ name: `${parent}/secrets/none` }, once))).toBe(5)
    const [ok, missing] = transport === 'grpc' ? [0, 5] : [200, 404]
    expect(emulator.controls.journal.map(({ operation, name, answered }) => [operation, name, answered])).toEqual([
      ['CreateSecret', 'a', ok],
      ['AddSecretVersion', 'a', ok],
      ['AccessSecretVersion', 'a', ok],
      ['GetSecret', 'none', missing],
    ])
    const text = JSON.stringify(emulator.controls.journal)
    for (const hidden of ['marker', Buffer.from(marker).toString('base64').slice(0, 12), 'token']) expect(text).not.toContain(hidden)
  })

  describe('lag', () => {
    test('latest, aliases and GetSecret show what was, an access by number what is', async () => {
      const { emulator, client, parent } = await start()
      const { controls } = emulator
      await place?.create('a')
      await place?.add('a', 'one')
      Object.assign(controls.lag, { latest: 10_000, metadata: 10_000 })
      controls.clock.advance(60_000)
      expect(await place?.add('a', 'two')).toBe('2')
      await client.updateSecret({ secret: { name: `${parent}/secrets/a`, labels: { new: 'yes' } }, updateMask: { paths: ['labels'] } }, once)
      const labelsOf = async (): Promise<object> => (await client.getSecret({ name: `${parent}/secrets/a` }, once))[0].labels ?? {}
      expect([await place?.read('a'), await place?.read('a', 2), await labelsOf()]).toEqual(['one', 'two', {}])
      controls.clock.advance(10_001)
      expect([await place?.read('a'), await place?.read('a', 2), await labelsOf()]).toEqual(['two', 'two', { new: 'yes' }])
    })

    test('a new secret is not there yet for GetSecret and latest, and takes versions', async () => {
      const { emulator, client, parent } = await start()
      Object.assign(emulator.controls.lag, { latest: 10_000, metadata: 10_000 })
      await place?.create('a')
      await place?.add('a', 'one')
      const name = `${parent}/secrets/a`
      expect(await codeOf(client.getSecret({ name }, once))).toBe(5)
      expect(await codeOf(client.accessSecretVersion({ name: `${name}/versions/latest` }, once))).toBe(5)
      expect(await place?.read('a', 1)).toBe('one')
    })

    test('what lags is said of each apart', async () => {
      const { emulator, client, parent } = await start()
      const { lag, clock } = emulator.controls
      await place?.create('a')
      await place?.add('a', 'one')
      const seen = async (): Promise<readonly unknown[]> => {
        const known = await codeOf(client.getSecretVersion({ name: `${parent}/secrets/a/versions/2` }, once))
        return [await place?.read('a'), known, await place?.listVersions('a')]
      }
      // Set before the write that it hides.
      Object.assign(lag, { latest: 10_000, metadata: 10_000, lists: 10_000 })
      clock.advance(60_000)
      await place?.add('a', 'two')
      expect(await seen()).toEqual(['one', 5, ['1']])
      lag.latest = 0
      expect(await seen()).toEqual(['two', 5, ['1']])
      lag.metadata = 0
      expect(await seen()).toEqual(['two', 0, ['1']])
      lag.lists = 0
      expect(await seen()).toEqual(['two', 0, ['2', '1']])
    })

    test('lists show what was: what is new is missing, what was deleted is there', async () => {
      const { emulator, client, parent } = await start()
      const { controls } = emulator
      await place?.create('old')
      await place?.add('old')
      controls.lag.lists = 10_000
      controls.clock.advance(60_000)
      await place?.add('old')
      await place?.create('new')
      expect([await place?.list(), await place?.listVersions('old')]).toEqual([['old'], ['1']])
      controls.clock.advance(10_001)
      expect([await place?.list(), await place?.listVersions('old')]).toEqual([
        ['new', 'old'],
        ['2', '1'],
      ])
      await client.deleteSecret({ name: `${parent}/secrets/old` }, once)
      expect(await place?.list()).toEqual(['new', 'old'])
      controls.clock.advance(10_001)
      expect(await place?.list()).toEqual(['new'])
    })
  })

  describe('the clock', () => {
    test.each([
      ['ttl', { ttl: { seconds: 3600 } }],
      ['expire_time', { expireTime: { seconds: Math.floor(Date.now() / 1000) + 3600 } }],
    ])('a secret with %s is gone when it is over, and its name is free', async (_, expiration) => {
      const { emulator, client, parent } = await start()
      await place?.create('a', { ...AUTOMATIC, ...expiration })
      await place?.add('a')
      const [secret] = await client.getSecret({ name: `${parent}/secrets/a` }, once)
      expect(Number(secret.expireTime?.seconds)).toBeGreaterThan(Date.now() / 1000 + 3500)
      emulator.controls.clock.advance(3_700_000)
      expect(await codeOf(client.getSecret({ name: `${parent}/secrets/a` }, once))).toBe(5)
      expect(await codeOf(client.accessSecretVersion({ name: `${parent}/secrets/a/versions/1` }, once))).toBe(5)
      expect(await place?.list()).toEqual([])
      await place?.create('a')
      expect(await place?.add('a')).toBe('1')
    })

    test('delayed destruction: disabled at once, taken back by enabling, destroyed when the time is over', async () => {
      const { emulator, client, parent } = await start()
      await place?.create('a', { ...AUTOMATIC, versionDestroyTtl: { seconds: 86_400 } })
      await place?.add('a', 'one')
      const name = `${parent}/secrets/a/versions/1`
      const [scheduled] = await client.destroySecretVersion({ name }, once)
      expect([scheduled.state, scheduled.scheduledDestroyTime === null, scheduled.destroyTime]).toEqual(['DISABLED', false, null])
      const [enabled] = await client.enableSecretVersion({ name }, once)
      expect([enabled.state, enabled.scheduledDestroyTime]).toEqual(['ENABLED', null])
      emulator.controls.clock.advance(90_000_000)
      expect(await place?.read('a', 1)).toBe('one')
      await client.destroySecretVersion({ name }, once)
      emulator.controls.clock.advance(90_000_000)
      const [destroyed] = await client.getSecretVersion({ name }, once)
      expect([destroyed.state, destroyed.scheduledDestroyTime, destroyed.destroyTime === null]).toEqual(['DESTROYED', null, false])
      expect(await codeOf(client.enableSecretVersion({ name }, once))).toBe(9)
    })
  })
})

test('over REST an API key is a credential', async () => {
  const place = await Place.start('rest')
  try {
    place.emulator.controls.permit('a-key')
    const statusWith = async (key: string): Promise<number> =>
      (await fetch(`${place.emulator.url}/v1/${place.parent}/secrets`, { headers: { 'x-goog-api-key': key } })).status
    expect([await statusWith('a-key'), await statusWith('another')]).toEqual([200, 401])
  } finally {
    await place.stop()
  }
})
