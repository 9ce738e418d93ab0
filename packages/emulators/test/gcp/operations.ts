import fc from 'fast-check'

/** One call of a generated sequence. `about` says what is special in it: the list of known differences goes by it. */
export interface Operation {
  readonly rpc: string
  readonly about: string
  readonly request: Readonly<Record<string, unknown>>
}

const IDS = ['alpha', 'beta_2', 'Gamma-3'] as const
const AUTOMATIC = { replication: { automatic: {} } }
const REPLICAS = { replication: { userManaged: { replicas: [{ location: 'europe-west3' }, { location: 'us-east1' }] } } }
const ABC = Buffer.from('abc')
const CRC_OF_ABC = 910_901_175

/** Every special case once, in any order, each on a secret with two versions, with ordinary calls between them. */
export function sequences(parent: string): fc.Arbitrary<readonly Operation[]> {
  const scenes = SPECIAL.map(make => fc.constantFrom(...IDS).map(id => make(parent, id)))
  return fc
    .tuple(
      fc.tuple(...scenes).chain(all => fc.shuffledSubarray(all, { minLength: all.length })),
      fc.array(fc.array(ordinary(parent), { maxLength: 2 }), { minLength: SPECIAL.length, maxLength: SPECIAL.length }),
    )
    .map(([special, between]) => special.flatMap((scene, index) => [...scene, ...(between[index] ?? [])]))
}

function ordinary(parent: string): fc.Arbitrary<Operation> {
  const id = fc.constantFrom(...IDS)
  const numbered = fc.tuple(id, fc.integer({ min: 1, max: 4 })).map(([of, number]) => `${parent}/secrets/${of}/versions/${number}`)
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 64 })
  const changes = fc.constantFrom('enableSecretVersion', 'disableSecretVersion', 'destroySecretVersion')
  return fc.oneof(
    id.map(of => create(parent, of)),
    fc.tuple(id, bytes).map(([of, data]) => add(parent, of, Buffer.from(data))),
    id.map(of => plain('getSecret', { name: `${parent}/secrets/${of}` })),
    id.map(of => plain('deleteSecret', { name: `${parent}/secrets/${of}` })),
    id.map(of => plain('listSecretVersions', { parent: `${parent}/secrets/${of}` })),
    fc.constant(plain('listSecrets', { parent })),
    numbered.map(name => plain('accessSecretVersion', { name })),
    numbered.map(name => plain('getSecretVersion', { name })),
    id.map(of => ({ ...plain('accessSecretVersion', { name: `${parent}/secrets/${of}/versions/latest` }), about: 'latest' })),
    id.map(of => ({ ...plain('getSecretVersion', { name: `${parent}/secrets/${of}/versions/latest` }), about: 'latest' })),
    fc.tuple(changes, numbered).map(([rpc, name]) => plain(rpc, { name })),
  )
}

const plain = (rpc: string, request: Operation['request']): Operation => ({ rpc, about: 'plain', request })
const create = (parent: string, secretId: string, about = 'plain', secret: object = AUTOMATIC): Operation => {
  return { rpc: 'createSecret', about, request: { parent, secretId, secret } }
}
const add = (parent: string, id: string, data: Buffer = ABC, about = 'plain', more: object = {}): Operation => {
  return { rpc: 'addSecretVersion', about, request: { parent: `${parent}/secrets/${id}`, payload: { data, ...more } } }
}

type Scene = (parent: string, id: string) => readonly Operation[]

/** A secret that is made in this way. */
const made =
  (about: string, secret: object): Scene =>
  (parent, id) => [
    plain('deleteSecret', { name: `${parent}/secrets/${id}` }),
    create(parent, id, about, secret),
    add(parent, id),
    plain('getSecret', { name: `${parent}/secrets/${id}` }),
  ]

/** On a secret with the enabled versions 1 and 2. */
const on =
  (rest: (name: string, parent: string, id: string) => readonly Operation[]): Scene =>
  (parent, id) => {
    const name = `${parent}/secrets/${id}`
    return [
      plain('deleteSecret', { name }),
      create(parent, id, 'plain', { ...AUTOMATIC, labels: { env: 'test' } }),
      add(parent, id),
      add(parent, id, Buffer.from([0, 255])),
      ...rest(name, parent, id),
    ]
  }

const one = (rpc: string, about: string, requestOf: (name: string, parent: string) => Operation['request']): Scene =>
  on((name, parent) => [{ rpc, about, request: requestOf(name, parent) }])

const updated = (about: string, input: object, paths: readonly string[]): Scene =>
  one('updateSecret', about, name => ({ secret: { name, ...input }, updateMask: { paths } }))

const SPECIAL: readonly Scene[] = [
  made('labels', { ...AUTOMATIC, labels: { env: 'test', 'a-b': '' } }),
  made('replicas', REPLICAS),
  made('annotations', { ...AUTOMATIC, annotations: { 'owner.name': 'Some One' } }),
  made('an expiry', { ...AUTOMATIC, ttl: { seconds: 86_400 } }),
  made('a delay of destruction', { ...AUTOMATIC, versionDestroyTtl: { seconds: 86_400 } }),
  made('no replication', {}),
  made('a bad label', { ...AUTOMATIC, labels: { Upper: 'x' } }),
  parent => [create(parent, 'no.dots', 'a bad id')],
  updated('labels', { labels: { changed: 'yes' } }, ['labels']),
  on(name => [
    { rpc: 'updateSecret', about: 'no labels', request: { secret: { name }, updateMask: { paths: ['labels'] } } },
    plain('getSecret', { name }),
  ]),
  updated('annotations', { annotations: { changed: 'Yes' } }, ['annotations']),
  updated('what the mask does not name', { labels: { ignored: 'yes' }, annotations: { changed: 'Yes' } }, ['annotations']),
  updated('no mask', { labels: { changed: 'yes' } }, []),
  updated('what cannot be updated', AUTOMATIC, ['replication']),
  updated('a stale etag', { etag: '"stale"', labels: { changed: 'yes' } }, ['labels']),
  updated('an alias to nothing', { versionAliases: { prod: 3 } }, ['version_aliases']),
  on(name => [
    {
      rpc: 'updateSecret',
      about: 'an alias',
      request: { secret: { name, labels: { env: 'test' }, versionAliases: { prod: 1 } }, updateMask: { paths: ['version_aliases'] } },
    },
    { rpc: 'accessSecretVersion', about: 'an alias', request: { name: `${name}/versions/prod` } },
    { rpc: 'getSecretVersion', about: 'an alias', request: { name: `${name}/versions/prod` } },
  ]),
  one('deleteSecret', 'a stale etag', name => ({ name, etag: '"stale"' })),
  one('listSecrets', 'a page', (_, parent) => ({ parent, pageSize: 1 })),
  one('listSecrets', 'a filter', (_, parent) => ({ parent, filter: 'labels.env=nothing' })),
  one('listSecrets', 'a bad filter', (_, parent) => ({ parent, filter: 'nothing=here' })),
  one('listSecrets', 'a foreign token', (_, parent) => ({ parent, pageToken: 'AAAA' })),
  one('listSecrets', 'a region', (_, parent) => ({ parent: `${parent}/locations/europe-west3` })),
  one('listSecrets', 'plain', (_, parent) => ({ parent })),
  one('listSecretVersions', 'plain', name => ({ parent: name })),
  one('listSecretVersions', 'a page', name => ({ parent: name, pageSize: 1 })),
  one('listSecretVersions', 'a filter', name => ({ parent: name, filter: 'state:DISABLED' })),
  on((_, parent, id) => [add(parent, id, ABC, 'a checksum', { dataCrc32c: CRC_OF_ABC })]),
  on((_, parent, id) => [add(parent, id, ABC, 'a wrong checksum', { dataCrc32c: 1 })]),
  on((_, parent, id) => [add(parent, id, Buffer.alloc(0), 'an empty value')]),
  on((_, parent, id) => [add(parent, id, Buffer.alloc(65_536, 1), 'the largest value')]),
  on((_, parent, id) => [add(parent, id, Buffer.alloc(65_537, 1), 'a value that is too large')]),
  one('addSecretVersion', 'no value', name => ({ parent: name })),
  one('accessSecretVersion', 'no such version', name => ({ name: `${name}/versions/9` })),
  ...['disableSecretVersion', 'destroySecretVersion'].map(rpc =>
    on(name => [
      plain(rpc, { name: `${name}/versions/2` }),
      { rpc: 'accessSecretVersion', about: 'a number', request: { name: `${name}/versions/2` } },
      { rpc: 'accessSecretVersion', about: 'latest', request: { name: `${name}/versions/latest` } },
      { rpc: 'getSecretVersion', about: 'latest', request: { name: `${name}/versions/latest` } },
      plain('enableSecretVersion', { name: `${name}/versions/2` }),
      { rpc: 'accessSecretVersion', about: 'a number', request: { name: `${name}/versions/2` } },
    ]),
  ),
  ...['enableSecretVersion', 'disableSecretVersion', 'destroySecretVersion'].flatMap(rpc => [
    one(rpc, 'latest', name => ({ name: `${name}/versions/latest` })),
    one(rpc, 'a stale etag', name => ({ name: `${name}/versions/1`, etag: '"stale"' })),
    on(name => [plain('destroySecretVersion', { name: `${name}/versions/1` }), { rpc, about: 'destroyed', request: { name: `${name}/versions/1` } }]),
    one(rpc, 'no such version', name => ({ name: `${name}/versions/9` })),
  ]),
]
