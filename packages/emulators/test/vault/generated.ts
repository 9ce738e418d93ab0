import fc from 'fast-check'
import type { Ask } from './ask.ts'

/** A request of the generated sequence. The two servers give different tokens, so it says whose. */
export interface Step extends Ask {
  /** `root`, `none`, `bad`, or the number of a token that an earlier step made. */
  readonly as: 'root' | 'none' | 'bad' | number
  /** The token that it makes is kept. */
  readonly makesToken?: true
}

/** Few keys, and some of them often, so that requests meet what others left. */
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'f/a') },
  { weight: 2, arbitrary: fc.constantFrom('b', 'f', 'f/b/c', 'f/d', 'sp%20ace', '%C3%A9%E2%82%AC', 'a..b', 'x%23y', 'x%3Fy', 'A') },
)
const number = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 4 }) }, { weight: 1, arbitrary: fc.integer({ min: -1, max: 30 }) })
const name = fc.constantFrom('k', 'l', 'owner', 'é', '__proto__')
const leaf = fc.oneof(fc.string({ maxLength: 8 }), fc.integer(), fc.boolean(), fc.constant(null), fc.constant(1.5e300), fc.constant(2 ** 63))
const data = fc.dictionary(name, fc.oneof(leaf, fc.dictionary(name, leaf, { maxKeys: 2 }), fc.array(leaf, { maxLength: 2 })), { maxKeys: 3 })
const odd = fc.constantFrom<unknown>('x', 5_000, true, [], [1], [{ a: 1 }], ['x'], null, {}, '', 1.5, '5000', 'maybe')
/** Now and then one field, and only one, of another kind: the server names any of several, and in no order. */
const withOdd = (usual: fc.Arbitrary<object>, ...names: readonly [string, ...string[]]): fc.Arbitrary<object> =>
  fc.oneof(
    { weight: 5, arbitrary: usual },
    { weight: 1, arbitrary: fc.tuple(usual, fc.constantFrom(...names), odd).map(([fields, name, value]) => ({ ...fields, [name]: value })) },
  )
const cas = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>('1', 'x', null, true, -1, 1.5, {}, '') },
)
const options = fc.oneof(fc.constant({}), fc.record({ options: fc.record({ cas }) }))

const metadataValue = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>('v', 'w', 'é', ' ', 'x'.repeat(512)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(
      '',
      'x'.repeat(513),
      'é'.repeat(256),
      'é'.repeat(257),
      'a\nb',
      'tab\t',
      '\u00A0',
      '\u200B',
      '😀',
      null,
      1,
      true,
      false,
      1.5,
      {},
      [],
      ['a'],
    ),
  },
)
const metadataKey = fc.constantFrom(
  'k',
  'l',
  'm',
  'k'.repeat(128),
  'k'.repeat(129),
  'é'.repeat(64),
  'é'.repeat(65),
  'a\u0001',
  '',
  'a"b',
  '__proto__',
)
const manyKeys = (count: number): Readonly<Record<string, string>> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
const custom = fc.oneof(
  { weight: 8, arbitrary: fc.dictionary(fc.constantFrom('k', 'l', 'm'), fc.constantFrom('v', 'w'), { maxKeys: 3 }) },
  { weight: 4, arbitrary: fc.dictionary(metadataKey, metadataValue, { maxKeys: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(manyKeys(64), manyKeys(65)) },
)
const duration = fc.constantFrom<unknown>('1h', '90m', '3h25m19s', '100s', 3600, '3600', '2d', '0s', 0, '1.5h')
const settings = {
  custom_metadata: custom,
  max_versions: fc.constantFrom<unknown>(0, 1, 2, 3, 12, '4', -1, 4294967297),
  cas_required: fc.constantFrom<unknown>(false, false, false, true, 'false', 'T', 0, 1),
  delete_version_after: duration,
  metadata_cas: fc.integer({ min: 0, max: 4 }),
  metadata_cas_required: fc.constantFrom<unknown>(false, false, true),
}
const metadata = withOdd(
  fc.record(settings, { requiredKeys: [] }),
  'custom_metadata',
  'max_versions',
  'cas_required',
  'delete_version_after',
  'metadata_cas',
)
const config = fc.record(
  {
    max_versions: settings.max_versions,
    cas_required: settings.cas_required,
    delete_version_after: duration,
    metadata_cas_required: settings.metadata_cas_required,
  },
  { requiredKeys: [] },
)
const extra = fc.constantFrom({}, {}, {}, { zeta: 1, alpha: 2 })
const numbers = fc.oneof(fc.array(number, { maxLength: 3 }), fc.constantFrom<unknown>('1,2', '3', 2, ['1', 'x']))
const query = (record: Readonly<Record<string, fc.Arbitrary<string>>>): fc.Arbitrary<Record<string, string>> =>
  fc.record(record, { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>

const step = (
  method: fc.Arbitrary<string>,
  path: fc.Arbitrary<string>,
  rest: Readonly<Record<string, fc.Arbitrary<unknown>>> = {},
): fc.Arbitrary<Omit<Step, 'as'>> => fc.record({ method, path, ...rest }) as fc.Arbitrary<Omit<Step, 'as'>>
const at = (part: string): fc.Arbitrary<string> => key.map(name => `secret/${part}/${name}`)
const both = <A extends object, B extends object>(a: fc.Arbitrary<A>, b: fc.Arbitrary<B>): fc.Arbitrary<object> =>
  fc.tuple(a, b).map(([x, y]) => ({ ...x, ...y }))
const post = fc.constantFrom('POST', 'PUT')
const GET = fc.constant('GET')
const PATCH = fc.constant('PATCH')

const version = query({ version: fc.oneof(number.map(String), fc.constantFrom('x', '', '1.5')), zeta: fc.constant('1') })
const page = query({
  zeta: fc.constantFrom('1'),
  after: fc.constantFrom('', 'a', 'f', 'f/', 'b', 'zzz', 'é'),
  limit: fc.constantFrom('1', '2', '0', '-1', 'x', ''),
})
const folder = fc.constantFrom(
  'secret/metadata',
  'secret/metadata/',
  'secret/metadata/f',
  'secret/metadata/f/',
  'secret/metadata/f/b',
  'secret/metadata/none',
)

const keyed = fc.oneof(
  {
    weight: 12,
    arbitrary: step(post, at('data'), {
      body: both(
        both(
          data.map(data => ({ data })),
          options,
        ),
        extra,
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: step(post, at('data'), {
      body: withOdd(
        data.map(data => ({ data })),
        'data',
        'options',
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: step(fc.constantFrom('POST', 'PATCH'), at('data'), { body: fc.constantFrom<unknown>('null', '5', '"x"', '[]', 'true', '') }),
  },
  { weight: 12, arbitrary: step(GET, at('data'), { query: version }) },
  {
    weight: 5,
    arbitrary: step(PATCH, at('data'), {
      body: both(
        data.map(data => ({ data })),
        options,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: step(PATCH, at('data'), {
      body: fc.record({ data: odd }),
      type: fc.constantFrom('application/json', 'application/merge-patch+json; charset=utf-8', 'text/plain'),
    }),
  },
  { weight: 3, arbitrary: step(fc.constant('DELETE'), at('data')) },
  {
    weight: 8,
    arbitrary: step(post, fc.oneof(at('delete'), at('undelete'), at('destroy')), {
      body: both(withOdd(fc.record({ versions: numbers }, { requiredKeys: [] }), 'versions'), extra),
    }),
  },
  { weight: 8, arbitrary: step(GET, at('metadata'), { query: query({ zeta: fc.constant('1'), list: fc.constantFrom('false', 'maybe') }) }) },
  { weight: 8, arbitrary: step(post, at('metadata'), { body: both(metadata, extra) }) },
  { weight: 8, arbitrary: step(PATCH, at('metadata'), { body: metadata }) },
  { weight: 2, arbitrary: step(fc.constant('DELETE'), at('metadata')) },
)
const listed = fc.oneof(
  step(fc.constant('LIST'), folder, { query: page }),
  step(GET, folder, { query: page.map(query => ({ ...query, list: 'true' })) }),
)
const elsewhere = fc.oneof(
  step(
    fc.constantFrom('GET', 'POST', 'PATCH', 'DELETE', 'LIST'),
    fc.constantFrom(
      'secret',
      'secret/',
      'secret/foo',
      'secret/data',
      'secret/metadata',
      'secret/config/',
      'secret/delete/a',
      'nomount/data/x',
      'nomount',
      'auth/none/x',
      'sys/none',
      'secret/data/a%2F..%2Fb',
      'secret/data/..%2Fa',
      'secret/data/a%01',
      'secret/data/a%C2%A0',
      'secret/data/a//b',
    ),
  ),
  step(post, fc.constantFrom('secret/data/a/', 'secret/metadata/a/', 'secret/data/', 'nomount/data/a', 'auth/none/login'), {
    body: fc.constant({ data: { x: '1' } }),
  }),
  step(GET, fc.constantFrom('secret/destroy/a', 'secret/delete/a', 'secret/undelete/a', 'auth/token/renew-self', 'auth/token/none')),
)
const configured = fc.oneof(
  step(GET, fc.constant('secret/config')),
  step(post, fc.constant('secret/config'), { body: config }),
  step(post, fc.constant('secret/config'), {
    body: fc.constant({ max_versions: 0, cas_required: false, delete_version_after: 0, metadata_cas_required: false }),
  }),
)

const token = fc.oneof(
  step(GET, fc.constant('auth/token/lookup-self')),
  step(post, fc.constant('auth/token/renew-self'), {
    body: fc.record({ increment: fc.constantFrom<unknown>('1h', 7200, '100h', '', null, 'x', -1) }, { requiredKeys: [] }),
  }),
  step(fc.constant('POST'), fc.constant('auth/token/revoke-self'), { body: fc.constant({}) }),
)
const makesToken = fc
  .record(
    {
      ttl: fc.constantFrom('1h', '2h', '10000h', ''),
      explicit_max_ttl: fc.constantFrom('3h', '90m'),
      renewable: fc.boolean(),
      period: fc.constantFrom('1h', '90m'),
      policies: fc.constantFrom(['root'], ['root', 'x']),
      display_name: fc.constant('app'),
      meta: fc.constant({ a: 'b' }),
      no_parent: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .map(body => ({ method: 'POST', path: 'auth/token/create', body, as: 'root', makesToken: true }) as const)

const some = fc.oneof(
  { weight: 30, arbitrary: keyed },
  { weight: 5, arbitrary: listed },
  { weight: 2, arbitrary: configured },
  { weight: 3, arbitrary: elsewhere },
)

/** So many requests, the same ones for the same seed. */
export function generated(seed: number, count: number): readonly Step[] {
  const byRoot = some.map((made): Step => ({ ...made, as: 'root' }))
  const byOthers = fc.tuple(some, fc.constantFrom('none', 'bad')).map(([made, as]): Step => ({ ...made, as }))
  const byChild = fc
    .tuple(fc.oneof({ weight: 4, arbitrary: token }, { weight: 1, arbitrary: some }), fc.nat(5))
    .map(([made, as]): Step => ({ ...made, as }))
  const any = fc.oneof<fc.MaybeWeightedArbitrary<Step>[]>(
    { weight: 20, arbitrary: byRoot },
    { weight: 1, arbitrary: byOthers },
    { weight: 2, arbitrary: byChild },
    { weight: 1, arbitrary: makesToken },
  )
  return fc.sample(any, { seed, numRuns: count })
}
