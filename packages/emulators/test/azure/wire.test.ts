import { once } from 'node:events'
import { connect } from 'node:tls'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startVault, type TestVault } from './vault.ts'

let vault: TestVault
beforeAll(async () => {
  vault = await startVault({ vaultName: 'wire', recoverableDays: 7 })
})
afterAll(async () => vault.stop())

const BAD = { status: 400, body: { error: { code: 'BadParameter' } } }
const put = (name: string, value = 'x'): ReturnType<TestVault['ask']> => vault.ask('PUT', `/secrets/${name}`, { body: { value } })

describe('tls', () => {
  it('the certificate is for the loopback, and only its own authority vouches for it', async () => {
    const { port } = new URL(vault.vaultUrl)
    for (const host of ['127.0.0.1', 'localhost']) {
      const socket = connect({ host: '127.0.0.1', port: Number(port), ca: vault.ca, ...(host === 'localhost' ? { servername: host } : {}) })
      await once(socket, 'secureConnect')
      expect(socket.authorized).toBe(true)
      socket.destroy()
    }
    await expect(fetch(vault.vaultUrl)).rejects.toThrow('fetch failed')
  })

  it('each emulator has an authority of its own', async () => {
    const other = await startVault()
    expect(other.ca).not.toBe(vault.ca)
    await expect(vault.ask('GET', `${other.vaultUrl}/secrets`)).rejects.toMatchObject({ code: expect.stringMatching(/CERT|SIGNATURE/) })
    await other.stop()
  })
})

describe('the token', () => {
  it.each([
    ['none', undefined],
    ['an unknown one', 'abc'],
    ['one of another vault', 'other'],
  ])('%s: 401 with a challenge', async (_, token) => {
    const { status, headers, body } = await vault.ask('GET', '/secrets', { token })
    expect([status, body.error.code]).toEqual([401, 'Unauthorized'])
    expect(headers['www-authenticate']).toMatch(
      /^Bearer authorization="https:\/\/login\.microsoftonline\.com\/[0-9a-f-]{36}", resource="https:\/\/vault\.azure\.net"$/,
    )
  })

  it('is good for an hour, or as long as it says, by the clock', async () => {
    const own = await startVault()
    const short = own.issueToken('someone', { expiresInMs: 60_000 })
    const statusOf = async (token: string): Promise<number> => (await own.ask('GET', '/secrets', { token })).status
    expect([await statusOf(short), await statusOf(own.token)]).toEqual([200, 200])
    own.controls.clock.advance(60_000)
    expect([await statusOf(short), await statusOf(own.token)]).toEqual([401, 200])
    own.controls.clock.advance(3_540_000)
    expect(await statusOf(own.token)).toBe(401)
    await own.stop()
  })

  it('is looked at before anything else', async () => {
    expect((await vault.ask('GET', '/nowhere', { token: 'abc', apiVersion: undefined })).status).toBe(401)
  })
})

describe('the api-version', () => {
  it.each(['7.4', '7.5', '7.6', '2025-07-01'])('%s is known', async apiVersion => {
    expect((await vault.ask('GET', '/secrets', { apiVersion })).status).toBe(200)
  })

  it.each([undefined, '', '7.0', '2026-04-01'])('%s is refused', async apiVersion => {
    expect(await vault.ask('GET', '/secrets', { apiVersion })).toMatchObject(BAD)
  })

  it('may have its name encoded, as the SDK does', async () => {
    expect((await vault.ask('GET', '/secrets?api%2Dversion=7.6', { apiVersion: undefined })).status).toBe(200)
  })
})

describe('paths', () => {
  it.each([
    ['GET', '/', 404, 'NotFound'],
    ['GET', '/keys', 404, 'NotFound'],
    ['GET', '/secrets/a/b/c', 404, 'NotFound'],
    ['GET', '/deletedsecrets/a/b', 404, 'NotFound'],
    ['PUT', '/secrets/', 405, 'MethodNotAllowed'],
    ['POST', '/secrets', 405, 'MethodNotAllowed'],
    ['DELETE', '/secrets/a/versions', 405, 'MethodNotAllowed'],
    ['GET', '/secrets/a/backup', 405, 'MethodNotAllowed'],
    ['PUT', '/deletedsecrets/a', 405, 'MethodNotAllowed'],
  ])('%s %s: %i %s', async (method, path, status, code) => {
    expect(await vault.ask(method, path)).toMatchObject({ status, body: { error: { code } } })
  })
})

describe('limits', () => {
  it.each(['a', 'A-9', '-', 'a'.repeat(127)])('the name %s', async name => {
    expect((await put(name)).status).toBe(200)
  })

  it.each(['a'.repeat(128), 'a_b', 'a.b', 'a%2Fb', 'a%20b', '%C3%A4', '%E0%A4%A'])('no such name: %s', async name => {
    for (const asking of [put(name), vault.ask('GET', `/secrets/${name}`), vault.ask('GET', `/secrets/${name}/versions`)]) {
      expect(await asking).toMatchObject(BAD)
    }
    for (const path of [`/deletedsecrets/${name}`, `/secrets/${name}`]) expect(await vault.ask('DELETE', path)).toMatchObject(BAD)
  })

  it('a value has at most 25,000 bytes', async () => {
    expect((await put('value', 'v'.repeat(25_000))).status).toBe(200)
    expect((await put('value', 'ä'.repeat(12_500))).status).toBe(200)
    for (const value of ['v'.repeat(25_001), 'ä'.repeat(12_501)]) {
      expect(await put('value', value)).toMatchObject({
        status: 400,
        body: { error: { code: 'BadParameter', innererror: { code: 'SecretTooLarge' } } },
      })
    }
    expect((await vault.ask('GET', '/secrets/value')).body.value).toBe('ä'.repeat(12_500))
  })

  const tags = (count: number, name: string, value: string): Readonly<Record<string, string>> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}`.padStart(2, '0') + name, value]))

  it.each<readonly [string, object]>([
    ['15 tags', { tags: tags(15, '', 'v') }],
    ['tags of 256 characters', { tags: tags(1, 'n'.repeat(254), 'v'.repeat(256)) }],
    ['an empty tag', { tags: { a: '' } }],
    ['a content type of 255 characters', { contentType: 'c'.repeat(255) }],
    ['nothing', { tags: null, contentType: null, attributes: null }],
  ])('%s will do', async (_, rest) => {
    expect((await vault.ask('PUT', '/secrets/limits', { body: { value: 'x', ...rest } })).status).toBe(200)
  })

  it.each<readonly [string, unknown]>([
    ['16 tags', { value: 'x', tags: tags(16, '', 'v') }],
    ['the name of a tag of 257 characters', { value: 'x', tags: tags(1, 'n'.repeat(255), 'v') }],
    ['the value of a tag of 257 characters', { value: 'x', tags: tags(1, 'n', 'v'.repeat(257)) }],
    ['a tag that is a number', { value: 'x', tags: { a: 1 } }],
    ['tags that are a list', { value: 'x', tags: ['a'] }],
    ['a content type of 256 characters', { value: 'x', contentType: 'c'.repeat(256) }],
    ['a content type that is a number', { value: 'x', contentType: 1 }],
    ['attributes that are text', { value: 'x', attributes: 'on' }],
    ['enabled as text', { value: 'x', attributes: { enabled: 'yes' } }],
    ['exp as text', { value: 'x', attributes: { exp: '1' } }],
    ['nbf as a fraction', { value: 'x', attributes: { nbf: 1.5 } }],
    ['no value', {}],
    ['a value that is null', { value: null }],
    ['a value that is a number', { value: 1 }],
    ['a list', ['x']],
    ['no JSON', '{"value":'],
    ['no body', undefined],
  ])('%s: refused, and nothing is written', async (_, body) => {
    expect(await vault.ask('PUT', '/secrets/unwritten', { body })).toMatchObject(BAD)
    expect((await vault.ask('GET', '/secrets/unwritten')).status).toBe(404)
  })

  it('an update has the same limits, and changes nothing when it is refused', async () => {
    const id = (await vault.ask('PUT', '/secrets/kept', { body: { value: 'x', tags: { a: '1' } } })).body.id
    expect(await vault.ask('PATCH', new URL(id).pathname, { body: { tags: tags(16, '', 'v') } })).toMatchObject(BAD)
    expect((await vault.ask('GET', '/secrets/kept')).body.tags).toEqual({ a: '1' })
  })

  it('a version is one that is there', async () => {
    await put('versioned')
    expect(await vault.ask('GET', `/secrets/versioned/${'0'.repeat(32)}`)).toMatchObject({ status: 404, body: { error: { code: 'SecretNotFound' } } })
    expect(await vault.ask('GET', '/secrets/versioned/latest')).toMatchObject(BAD)
    expect(await vault.ask('PATCH', `/secrets/versioned/${'0'.repeat(31)}`, { body: {} })).toMatchObject(BAD)
  })

  it('an error does not repeat the value', async () => {
    const refused = await vault.ask('PUT', '/secrets/loud', { body: { value: `hunter2${'v'.repeat(25_000)}`, contentType: 'hunter2' } })
    expect([refused.status, JSON.stringify(refused.body).includes('hunter2')]).toEqual([400, false])
  })
})

describe('pages', () => {
  it.each(['0', '-1', '26', '1.5', 'many', ''])('maxresults %s is refused', async maxresults => {
    expect(await vault.ask('GET', '/secrets', { query: { maxresults } })).toMatchObject(BAD)
    expect(await vault.ask('GET', '/deletedsecrets', { query: { maxresults } })).toMatchObject(BAD)
    expect(await vault.ask('GET', '/secrets/a/versions', { query: { maxresults } })).toMatchObject(BAD)
  })

  it('the next page is on the vault itself, for this list only', async () => {
    const own = await startVault()
    const ask = (path: string, token?: string): ReturnType<TestVault['ask']> =>
      own.ask('GET', path, token === undefined ? {} : { query: { $skiptoken: token } })
    for (let index = 0; index < 26; index += 1) await own.ask('PUT', `/secrets/p${index}`, { body: { value: 'x' } })
    const first = await ask('/secrets')
    expect(first.body.value).toHaveLength(25)
    const next = new URL(first.body.nextLink)
    expect([next.origin, next.pathname, [...next.searchParams.keys()]]).toEqual([own.vaultUrl, '/secrets', ['api-version', '$skiptoken']])
    const rest = await own.ask('GET', next.pathname + next.search)
    expect([rest.body.value.length, rest.body.nextLink]).toEqual([1, null])
    const asked = await own.ask('GET', '/secrets', { query: { maxresults: '25' } })
    expect(new URL(asked.body.nextLink).searchParams.get('maxresults')).toBe('25')

    const token = next.searchParams.get('$skiptoken') ?? ''
    expect((await ask('/secrets', token)).status).toBe(200)
    for (const [path, wrong] of [
      ['/secrets', `x${token}`],
      ['/secrets', token.slice(0, -1)],
      ['/secrets', ''],
      ['/secrets', 'eyJOZXh0TWFya2VyIjoiMiJ9'],
      ['/deletedsecrets', token],
      ['/secrets/p1/versions', token],
    ] as const) {
      expect(await ask(path, wrong)).toMatchObject(BAD)
    }
    await own.stop()
  })

  it('a secret that comes or goes while one pages does not move the others', async () => {
    const own = await startVault()
    for (const name of ['b', 'd', 'f']) await own.ask('PUT', `/secrets/${name}`, { body: { value: 'x' } })
    const first = await own.ask('GET', '/secrets', { query: { maxresults: '1' } })
    await own.ask('PUT', '/secrets/a', { body: { value: 'x' } })
    await own.ask('DELETE', '/secrets/b')
    await own.ask('PUT', '/secrets/e', { body: { value: 'x' } })
    const { pathname, search } = new URL(first.body.nextLink)
    const rest = await own.ask('GET', pathname + search, { query: { maxresults: '25' } })
    expect(rest.body.value.map(({ id }: { id: string }) => id.split('/').at(-1))).toEqual(['d', 'e', 'f'])
    await own.stop()
  })

  it('however pages are cut, short or empty, each item comes once', async () => {
    const own = await startVault()
    const names = Array.from({ length: 12 }, (_, index) => `n${String(index).padStart(2, '0')}`)
    for (const name of names) await own.ask('PUT', `/secrets/${name}`, { body: { value: 'x' } })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 25 }),
        fc.array(fc.record({ limit: fc.integer({ min: 1, max: 25 }), empty: fc.integer({ min: 0, max: 2 }) }), { minLength: 1 }),
        async (maxresults, cuts) => {
          const found: string[] = []
          let path: string | undefined = `/secrets?maxresults=${maxresults}`
          for (let page = 0; path !== undefined; page += 1) {
            Object.assign(own.paging, cuts[page] ?? { limit: 25, empty: 0 })
            const { body }: { readonly body: { value: readonly { id: string }[]; nextLink: string | null } } = await own.ask('GET', path)
            expect(body.value.length).toBeLessThanOrEqual(maxresults)
            found.push(...body.value.map(({ id }) => id.split('/').at(-1) ?? ''))
            path = body.nextLink === null ? undefined : body.nextLink.slice(own.vaultUrl.length)
          }
          expect(found).toEqual(names)
        },
      ),
      { numRuns: 40 },
    )
    await own.stop()
  })

  it('an empty page may lead on to nothing', async () => {
    const own = await startVault()
    own.paging.empty = 1
    const { body } = await own.ask('GET', '/secrets')
    expect(body.value).toEqual([])
    expect((await own.ask('GET', body.nextLink.slice(own.vaultUrl.length))).body).toEqual({ value: [], nextLink: null })
    await own.stop()
  })
})
