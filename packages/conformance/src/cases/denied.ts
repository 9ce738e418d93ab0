import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { DriverCall, SecretDriver, VersionId } from '@strongroom/core'
import { text, type CaseContext, type MadeSecret } from '../case-context.ts'
import type { DriverCase, Need } from '../driver-case.ts'
import { expectError, expectRefusal } from '../expect.ts'

const DENIALS = ['permission_denied', 'unauthenticated'] as const

interface Attempt {
  readonly operation: string
  readonly needs?: readonly Need[]
  readonly act: (driver: SecretDriver, secret: MadeSecret & { readonly old: VersionId }, call: DriverCall, context: CaseContext) => Promise<unknown>
}

const attempts: readonly Attempt[] = [
  {
    operation: 'create',
    act: (driver, _, call, context) => driver.create({ path: context.path(), payload: text('denied'), labels: {}, token: randomUUID() }, call),
  },
  {
    operation: 'append',
    act: (driver, { path }, call) => driver.append({ path, payload: text('denied'), token: randomUUID(), after: undefined, staged: false }, call),
  },
  {
    operation: 'promote',
    needs: ['capability:current=on_promote'],
    act: (driver, { path, version, old }, call) => driver.promote({ path, version: old, from: version }, call),
  },
  { operation: 'read', act: (driver, { path }, call) => driver.read({ path, version: undefined }, call) },
  { operation: 'read-by-version', act: (driver, { path, old }, call) => driver.read({ path, version: old }, call) },
  { operation: 'versions', act: (driver, { path }, call) => driver.versions({ path, after: undefined, page: undefined }, call) },
  { operation: 'list', act: (driver, { path }, call) => driver.list({ prefix: path, withLabels: false, page: undefined }, call) },
  { operation: 'destroy-version', act: (driver, { path, old }, call) => driver.destroyVersion({ path, version: old }, call) },
  { operation: 'purge', act: (driver, { path }, call) => driver.remove({ path, purge: true }, call) },
  { operation: 'remove', needs: ['capability:remove=recoverable'], act: (driver, { path }, call) => driver.remove({ path, purge: false }, call) },
]

export const deniedCases: readonly DriverCase[] = [
  ...attempts.map(({ operation, needs = [], act }): DriverCase => ({
    id: `errors/denied-${operation}`,
    title: `a denied ${operation} fails as permission_denied, is not taken for a missing secret, and changes nothing`,
    needs: ['denied', ...needs],
    async run(context) {
      const made = await context.create('one')
      const current = await context.append(made.path, 'two')
      const failure = await expectRefusal(
        context.hooks.denied,
        act(context.hooks.denied, { ...made, version: current, old: made.version }, context.call(), context),
        ...DENIALS,
      )
      assert.equal(failure.retryable, false, 'asking again changes nothing')
      assert.equal(await context.readText(made.path), 'two')
      assert.equal(await context.readText(made.path, made.version), 'one')
      await context.settled(async () => assert.equal((await context.list()).length, 1))
    },
  })),
  {
    id: 'errors/denied-restore',
    title: 'a denied restore fails as permission_denied and brings nothing back',
    needs: ['denied', 'capability:remove=recoverable'],
    async run(context) {
      const { path } = await context.create('one')
      await context.driver.remove({ path, purge: false }, context.call())
      await expectRefusal(context.hooks.denied, context.hooks.denied.restore({ path }, context.call()), ...DENIALS)
      await expectRefusal(context.driver, context.read(path), 'not_found', 'name_held')
    },
  },
  {
    id: 'errors/denied-read-many',
    title: 'a denied batch is refused as a whole or path by path, never as missing and never with a value',
    needs: ['denied', 'capability:maxBatch>1'],
    async run(context) {
      const made = [await context.create('one'), await context.create('two')]
      const work = context.hooks.denied.readMany({ paths: made.map(({ path }) => path) }, context.call())
      const outcomes = await work.catch((error: unknown) => [{ failure: context.hooks.denied.classify(error) }])
      for (const outcome of outcomes) {
        assert.ok('failure' in outcome, 'no value')
        assert.ok(
          DENIALS.some(code => code === outcome.failure.code),
          `permission_denied, not ${outcome.failure.code}`,
        )
      }
    },
  },
  {
    id: 'errors/denied-through-the-store',
    title: 'a store tells that it was denied, at the first try',
    needs: ['denied'],
    async run(context) {
      await context.create('one', { path: context.path('shared') })
      const { store, requests } = context.recorded({}, context.hooks.denied)
      const error = await expectError(store.get('shared'), ...DENIALS)
      assert.deepEqual([error.effect, error.retryable, error.secretName], ['none', false, 'shared'])
      assert.equal(requests.length, 1, 'it is not asked again')
      const [outcome] = await store.getMany(['shared'])
      assert.ok(outcome?.ok === false && DENIALS.some(code => code === outcome.error.code), 'getMany does not take it for missing')
      await expectError(store.put('shared', 'two'), ...DENIALS)
      assert.equal(await context.readText(context.path('shared')), 'one')
    },
  },
  {
    id: 'errors/manage-only-cannot-read',
    title: 'who may manage but not read is denied each read',
    needs: ['manageOnly'],
    async run(context) {
      const { path, version } = await context.create('one')
      await expectRefusal(context.hooks.manageOnly, context.read(path, undefined, context.hooks.manageOnly), ...DENIALS)
      await expectRefusal(context.hooks.manageOnly, context.read(path, version, context.hooks.manageOnly), ...DENIALS)
    },
  },
  {
    id: 'errors/manage-only-can-do-the-rest',
    title: 'who may manage but not read does everything that a registry does: no write reads a value on the way',
    needs: ['manageOnly'],
    async run(context) {
      const { manageOnly } = context.hooks
      const call = context.call()
      const path = context.path()
      const { version: first } = await manageOnly.create({ path, payload: text('one'), labels: { owner: 'a' }, token: randomUUID() }, call)
      const staged = context.capabilities.current === 'on_promote'
      const after = context.capabilities.appendAfter === 'compared' ? first : undefined
      const { version: second } = await manageOnly.append({ path, payload: text('two'), token: randomUUID(), after, staged }, call)
      if (staged) await manageOnly.promote({ path, version: second, from: first }, call)
      const { items } = await manageOnly.versions({ path, after: undefined, page: undefined }, call)
      assert.equal(items.length, 2)
      await manageOnly.list({ prefix: context.prefix, withLabels: true, page: undefined }, call)
      await manageOnly.destroyVersion({ path, version: first }, call)
      assert.equal(await context.readText(path), 'two')
      await manageOnly.remove({ path, purge: true }, call)
    },
  },
]
