import fc from 'fast-check'
import { token } from '../client.ts'
import type { Step } from './side.ts'

const NAMES = ['s1', 's2', 'Folder/s3'] as const
const STAGES = ['AWSCURRENT', 'AWSPREVIOUS', 'AWSPENDING', 'MINE'] as const
const DAYS = [undefined, 7, 30, 6, 31] as const

const name = fc.constantFrom(...NAMES)
const id = fc.oneof({ arbitrary: name, weight: 6 }, fc.constantFrom('arn:s1', 'partial:s2', 'missing'))
const version = fc.integer({ min: 1, max: 4 }).map(token)
const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(value, { nil: undefined })
const value = fc.oneof(
  fc.constantFrom('one', 'two', 'ä€😀\u0000').map(SecretString => ({ SecretString })),
  fc.constant({ SecretBinary: Uint8Array.of(0, 128, 255) }),
)
const tag = fc.record({ Key: fc.constantFrom('owner', 'Owner', 'stage'), Value: fc.constantFrom('', 'a', 'prod eu') })
const tags = fc.uniqueArray(tag, { maxLength: 3, selector: ({ Key }) => Key })
const filter = fc.oneof(
  fc.record({ Key: fc.constant('name'), Values: fc.constantFrom(['s'], ['F'], ['folder'], ['!s'], ['s1', 'Fol']) }),
  fc.record({ Key: fc.constant('tag-key'), Values: fc.constantFrom(['own'], ['OWN'], ['stage']) }),
  fc.record({ Key: fc.constant('tag-value'), Values: fc.constantFrom(['a'], ['prod'], ['A']) }),
  fc.record({ Key: fc.constant('description'), Values: fc.constantFrom(['first'], ['FIRST note'], ['ote']) }),
)

/** A call of an operation; what is undefined is not sent. */
function call(
  operation: string,
  members: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  and: fc.Arbitrary<object> = fc.constant({}),
): fc.Arbitrary<Step> {
  return fc.tuple(fc.record(members), and).map(([input, more]) => {
    const entries = Object.entries({ ...input, ...more }).filter(([, given]) => given !== undefined)
    return { operation, input: Object.fromEntries(entries) }
  })
}

const description = fc.constantFrom('first note', 'another', '')
const calls: readonly (readonly [weight: number, step: fc.Arbitrary<Step>])[] = [
  [
    8,
    call(
      'CreateSecret',
      { Name: name, ClientRequestToken: version, Description: maybe(description), Tags: maybe(tags) },
      fc.oneof({ arbitrary: value, weight: 5 }, fc.constant({})),
    ),
  ],
  [
    8,
    call(
      'PutSecretValue',
      { SecretId: id, ClientRequestToken: version, VersionStages: maybe(fc.uniqueArray(fc.constantFrom(...STAGES), { minLength: 1, maxLength: 2 })) },
      value,
    ),
  ],
  [4, call('UpdateSecret', { SecretId: id, ClientRequestToken: version, Description: maybe(description) }, fc.oneof(value, fc.constant({})))],
  [
    8,
    call('UpdateSecretVersionStage', {
      SecretId: id,
      VersionStage: fc.constantFrom(...STAGES),
      RemoveFromVersionId: maybe(version),
      MoveToVersionId: maybe(version),
    }),
  ],
  [4, call('GetSecretValue', { SecretId: id, VersionId: maybe(version), VersionStage: maybe(fc.constantFrom(...STAGES)) })],
  [2, call('BatchGetSecretValue', { SecretIdList: fc.uniqueArray(fc.constantFrom(...NAMES, 'missing'), { minLength: 1, maxLength: 4 }) })],
  [1, call('DescribeSecret', { SecretId: id })],
  [
    3,
    call('ListSecrets', {
      Filters: maybe(fc.array(filter, { minLength: 1, maxLength: 2 })),
      MaxResults: maybe(fc.constantFrom(1, 2, 100)),
      IncludePlannedDeletion: maybe(fc.boolean()),
    }),
  ],
  [2, call('ListSecretVersionIds', { SecretId: id, IncludeDeprecated: maybe(fc.boolean()) })],
  [2, call('DeleteSecret', { SecretId: id, RecoveryWindowInDays: fc.constantFrom(...DAYS) })],
  [1, call('DeleteSecret', { SecretId: id, ForceDeleteWithoutRecovery: fc.constant(true) })],
  [2, call('RestoreSecret', { SecretId: id })],
  [2, call('TagResource', { SecretId: id, Tags: tags })],
  [2, call('UntagResource', { SecretId: id, TagKeys: fc.uniqueArray(fc.constantFrom('owner', 'Owner', 'stage'), { minLength: 1, maxLength: 2 }) })],
]

/** Any calls of the API on three secrets, with few versions, labels and values, so that they meet. */
export const anySteps: fc.Arbitrary<readonly Step[]> = fc.array(fc.oneof(...calls.map(([weight, arbitrary]) => ({ weight, arbitrary }))), {
  minLength: 1,
  maxLength: 60,
  size: 'max',
})
