import assert from 'node:assert/strict'
import type { DriverCall, NativePath, SecretDriver, VersionId } from '@strongroom/core'
import { text, type CaseContext } from '../../case-context.ts'
import type { Need } from '../../driver-case.ts'
import { added, type Seen } from './seen.ts'

/** A secret of its own for one try of a writing call. */
export interface Scene {
  readonly context: CaseContext
  readonly path: NativePath
  /** The version that is current before the call. */
  readonly first: VersionId
  /** The version that the call is about. */
  readonly second: VersionId
  readonly token: string
  /** What the call writes. */
  readonly value: string
}

/** A call of the driver that writes, and how to see whether it has. */
export interface Write {
  readonly name: string
  readonly needs?: readonly Need[]
  /** Makes what the call is about, at the path, and answers the versions. */
  readonly prepare: (context: CaseContext, path: NativePath) => Promise<Pick<Scene, 'first' | 'second'>>
  readonly act: (driver: SecretDriver, scene: Scene, call: DriverCall) => Promise<unknown>
  /** Fails unless what was asked for is there, once. `answer` is the call's own, when it had one. */
  readonly isDone: (scene: Scene, before: Seen, after: Seen, answer: unknown) => void
  /** What a reader may get when the call is half done, beside the old value and the one that is written. */
  readonly between?: readonly string[]
  /**
   * What the contract lets a caller do who does not know whether it was done. `again`: the same call with the same token. `unless-done`:
   * that, when a look shows that it was not. `never`: nothing.
   */
  readonly afterUnknown: (context: CaseContext) => 'again' | 'unless-done' | 'never'
  /** The secret is not in the list any more when it is done; after every other call it is, with its labels. */
  readonly removes?: true
}

export const LABELS = { owner: 'kit' }
const GONE: readonly string[] = ['not_found', 'name_held', 'version_unusable']
const NOBODY = '' as VersionId

export const writes: readonly Write[] = [
  {
    name: 'create',
    prepare: async () => ({ first: NOBODY, second: NOBODY }),
    act: (driver, { path, value, token }, call) => driver.create({ path, payload: text(value), labels: LABELS, token }, call),
    isDone: ({ value }, before, after, answer) => {
      isCurrent(after, value, isOneMore(before, after, value, answer))
    },
    between: ['not_found'],
    afterUnknown: ifProvable('again'),
  },
  {
    name: 'append',
    prepare: oneVersion,
    act: (driver, { path, value, token }, call) => driver.append({ path, payload: text(value), token, after: undefined, staged: false }, call),
    isDone: ({ value }, before, after, answer) => {
      isCurrent(after, value, isOneMore(before, after, value, answer))
    },
    afterUnknown: ifProvable('unless-done'),
  },
  {
    name: 'append-after',
    needs: ['capability:appendAfter=compared'],
    prepare: oneVersion,
    act: (driver, { path, value, token, first }, call) => driver.append({ path, payload: text(value), token, after: first, staged: false }, call),
    isDone: ({ value }, before, after, answer) => {
      isCurrent(after, value, isOneMore(before, after, value, answer))
    },
    afterUnknown: ifProvable('unless-done'),
  },
  {
    name: 'append-staged',
    needs: ['capability:current=on_promote'],
    prepare: oneVersion,
    act: (driver, { path, value, token }, call) => driver.append({ path, payload: text(value), token, after: undefined, staged: true }, call),
    isDone: ({ value, first }, before, after, answer) => {
      isOneMore(before, after, value, answer)
      isCurrent(after, before.current, first)
    },
    afterUnknown: ifProvable('unless-done'),
  },
  {
    name: 'promote',
    needs: ['capability:current=on_promote'],
    prepare: async (context, path) => {
      const { version: first } = await context.create('one', { path, labels: LABELS })
      return { first, second: await context.append(path, 'two', { staged: true }) }
    },
    act: (driver, { path, first, second }, call) => driver.promote({ path, version: second, from: first }, call),
    isDone: ({ second }, before, after) => {
      isCurrent(after, 'two', second)
      assert.deepEqual(added(before, after), [], 'no version is added')
    },
    between: ['two'],
    afterUnknown: () => 'unless-done',
  },
  {
    name: 'destroy-version',
    prepare: async (context, path) => {
      const { version: second } = await context.create('one', { path, labels: LABELS })
      return { first: await context.append(path, 'two'), second }
    },
    act: (driver, { path, second }, call) => driver.destroyVersion({ path, version: second }, call),
    isDone: ({ first, second }, before, after) => {
      const { state } = after.versions.find(({ version }) => version === second) ?? { state: 'destroyed' }
      assert.notEqual(state, 'usable', 'the version is destroyed')
      isCurrent(after, before.current, first)
      assert.deepEqual(added(before, after), [], 'no version is added')
    },
    afterUnknown: () => 'again',
  },
  {
    name: 'remove',
    needs: ['capability:remove=recoverable'],
    prepare: twoVersions,
    act: (driver, { path }, call) => driver.remove({ path, purge: false }, call),
    isDone: (_, _before, after) => isGone(after),
    between: GONE,
    afterUnknown: () => 'unless-done',
    removes: true,
  },
  {
    name: 'restore',
    needs: ['capability:remove=recoverable'],
    prepare: async (context, path) => {
      const versions = await twoVersions(context, path)
      await context.driver.remove({ path, purge: false }, context.call())
      return versions
    },
    act: (driver, { path }, call) => driver.restore({ path }, call),
    isDone: ({ first, second }, _, after) => {
      isCurrent(after, 'two', first)
      const back = new Map(after.versions.map(({ version, value }) => [version, value]))
      assert.deepEqual(
        back,
        new Map([
          [first, 'two'],
          [second, 'one'],
        ]),
        'every version is back, and no other',
      )
    },
    between: ['two', ...GONE],
    afterUnknown: () => 'unless-done',
  },
  {
    name: 'purge',
    prepare: twoVersions,
    act: (driver, { path }, call) => driver.remove({ path, purge: true }, call),
    isDone: (_, _before, after) => isGone(after),
    between: GONE,
    afterUnknown: () => 'again',
    removes: true,
  },
]

/** Where only the position tells versions apart, nobody knows whose a version is: a caller must not repeat. */
function ifProvable(then: 'again' | 'unless-done'): Write['afterUnknown'] {
  return ({ capabilities }) => (capabilities.versionProof === 'token' ? then : 'never')
}

async function oneVersion(context: CaseContext, path: NativePath): Promise<Pick<Scene, 'first' | 'second'>> {
  const { version } = await context.create('one', { path, labels: LABELS })
  return { first: version, second: version }
}

async function twoVersions(context: CaseContext, path: NativePath): Promise<Pick<Scene, 'first' | 'second'>> {
  const { version } = await context.create('one', { path, labels: LABELS })
  return { second: version, first: await context.append(path, 'two') }
}

/** Answers the one version that is there more. */
function isOneMore(before: Seen, after: Seen, value: string, answer: unknown): VersionId {
  const [more, ...others] = added(before, after)
  assert.ok(more !== undefined && others.length === 0, `one version is added, not ${others.length + (more === undefined ? 0 : 1)}`)
  assert.deepEqual([more.value, more.state], [value, 'usable'], 'it has the value that was given')
  if (answer !== undefined) assert.equal((answer as { readonly version: VersionId }).version, more.version, 'it is the version that was answered')
  return more.version
}

function isCurrent(after: Seen, value: string, version: VersionId): void {
  assert.equal(after.current, value, 'what readers get')
  const called = after.versions.filter(({ current }) => current)
  assert.deepEqual(
    called.map(found => [found.version, found.state]),
    [[version, 'usable']],
    'the version that is called current',
  )
  if (after.outside !== undefined) assert.equal(after.outside, value, 'what readers outside get')
}

function isGone(after: Seen): void {
  assert.deepEqual([after.current, after.versions.length], ['not_found', 0], 'it is gone')
  assert.ok(after.outside === undefined || after.outside === 'nothing', 'it is gone for readers outside')
}
