import assert from 'node:assert/strict'
import type { Removal } from '@strongroom/core'
import type { DriverCase } from '../driver-case.ts'
import { currentOf, expectRefusal } from '../expect.ts'

export const removeRestoreCases: readonly DriverCase[] = [
  {
    id: 'remove/answers-what-became-of-it',
    title: 'a removal is gone, pending with a time to wait, or retained until a date',
    needs: [],
    async run(context) {
      const { path } = await context.create()
      if (context.capabilities.remove === 'recoverable') assertRemoval(await context.driver.remove({ path, purge: false }, context.call()))
      assertRemoval(await context.purge(path))
    },
  },
  {
    id: 'remove/hides-the-secret',
    title: 'a removed secret is not read any more, in no version',
    needs: ['capability:remove=recoverable'],
    async run(context) {
      const { path, version } = await context.create('one')
      await context.append(path, 'two')
      await context.driver.remove({ path, purge: false }, context.call())
      await context.settled(async () => {
        await expectRefusal(context.driver, context.read(path), 'not_found', 'name_held')
        await expectRefusal(context.driver, context.read(path, version), 'not_found', 'name_held')
      })
    },
  },
  {
    id: 'remove/holds-the-name',
    title: 'a create at the path of a removed secret fails as name_held, and the removed one can still be restored',
    needs: ['capability:remove=recoverable'],
    async run(context) {
      const { path } = await context.create('one')
      await context.driver.remove({ path, purge: false }, context.call())
      await context.settled(async () => void (await expectRefusal(context.driver, context.create('two', { path }), 'name_held')))
      await context.driver.restore({ path }, context.call())
      await context.settled(async () => assert.equal(await context.readText(path), 'one'))
    },
  },
  {
    id: 'remove/missing-is-not-found',
    title: 'a removal of what does not exist fails as not_found, unless it is a purge',
    needs: ['capability:remove=recoverable'],
    async run(context) {
      await expectRefusal(context.driver, context.driver.remove({ path: context.path(), purge: false }, context.call()), 'not_found')
    },
  },
  {
    id: 'remove/purge-of-missing-is-gone',
    title: 'a purge of what does not exist is gone',
    needs: [],
    async run(context) {
      assert.deepEqual(await context.purge(context.path()), { state: 'gone' })
    },
  },
  {
    id: 'remove/purge-twice',
    title: 'a purge can be repeated',
    needs: [],
    async run(context) {
      const { path } = await context.create()
      await context.purgeWholly(path)
      assert.deepEqual(await context.purge(path), { state: 'gone' })
    },
  },
  {
    id: 'remove/purge-is-for-good',
    title: 'after a purge nothing is read, listed or restored, and the name is free',
    needs: [],
    async run(context) {
      const { path, version } = await context.create('one')
      await context.append(path, 'two')
      await context.purgeWholly(path)
      await context.settled(async () => {
        await expectRefusal(context.driver, context.read(path), 'not_found')
        await expectRefusal(context.driver, context.read(path, version), 'not_found')
        await expectRefusal(context.driver, context.versions(path), 'not_found')
      })
      if (context.capabilities.remove === 'recoverable') {
        await expectRefusal(context.driver, context.driver.restore({ path }, context.call()), 'not_found')
      }
    },
  },
  {
    id: 'remove/purge-of-a-removed-one',
    title: 'a removed secret can be purged, which frees its name',
    needs: ['capability:remove=recoverable'],
    async run(context) {
      const { path } = await context.create('one')
      await context.driver.remove({ path, purge: false }, context.call())
      await context.purgeWholly(path)
      await context.settled(async () => void (await context.create('two', { path })))
      assert.equal(await context.readText(path), 'two')
    },
  },
  {
    id: 'remove/name-is-free-after-purge',
    title: 'a purged name can be used again, and nothing of the old secret comes back',
    needs: [],
    async run(context) {
      const { path } = await context.create('old one', { labels: { old: 'yes' } })
      const old = await context.append(path, 'old two')
      await context.purgeWholly(path)
      let made = ''
      await context.settled(async () => void (made = (await context.create('new one', { path })).version))
      assert.equal(await context.readText(path), 'new one')
      assert.deepEqual(
        (await context.versions(path)).map(({ version }) => version),
        [made],
      )
      if (old !== made) await expectRefusal(context.driver, context.read(path, old), 'not_found')
      const labels = (await context.list(path, true)).find(entry => entry.path === path)?.labels
      assert.deepEqual({ ...labels }, {})
    },
  },
  {
    id: 'remove/leaves-the-neighbours',
    title: 'a removal takes one secret, and not those whose paths begin with its path',
    needs: [],
    async run(context) {
      const suffixes = ['alpha', 'alpha-one', 'alphabet']
      for (const suffix of suffixes) await context.create(suffix, { path: context.path(suffix) })
      await context.purge(context.path('alpha'))
      assert.equal(await context.readText(context.path('alpha-one')), 'alpha-one')
      assert.equal(await context.readText(context.path('alphabet')), 'alphabet')
    },
  },
  {
    id: 'restore/brings-everything-back',
    title: 'a restored secret has its value, all its versions, its current one and its labels again',
    needs: ['capability:remove=recoverable'],
    async run(context) {
      const labels = { owner: 'payments' }
      const { path, version: first } = await context.create('one', { labels })
      const second = await context.append(path, 'two')
      const before = (await context.list(path, true)).find(entry => entry.path === path)?.labels
      await context.driver.remove({ path, purge: false }, context.call())
      await context.driver.restore({ path }, context.call())
      await context.settled(async () => {
        assert.equal(await context.readText(path), 'two')
        assert.equal(await context.readText(path, first), 'one')
        assert.deepEqual(new Set((await context.versions(path)).map(({ version }) => version)), new Set([first, second]))
        assert.equal(await currentOf(context, path), second)
        assert.deepEqual((await context.list(path, true)).find(entry => entry.path === path)?.labels, before)
      })
    },
  },
  {
    id: 'restore/then-write',
    title: 'a restored secret takes new versions',
    needs: ['capability:remove=recoverable'],
    async run(context) {
      const { path, version: first } = await context.create('one')
      await context.driver.remove({ path, purge: false }, context.call())
      await context.driver.restore({ path }, context.call())
      await context.settled(async () => {
        const second = await context.append(path, 'two')
        assert.notEqual(second, first)
        assert.equal(await context.readText(path, second), 'two')
      })
    },
  },
  {
    id: 'restore/missing-is-not-found',
    title: 'a restore of what never existed fails as not_found and makes nothing',
    needs: ['capability:remove=recoverable'],
    async run(context) {
      const path = context.path()
      await expectRefusal(context.driver, context.driver.restore({ path }, context.call()), 'not_found')
      await expectRefusal(context.driver, context.read(path), 'not_found')
    },
  },
  {
    id: 'restore/of-a-present-one-harms-nothing',
    title: 'a restore of a secret that was not removed leaves it as it is',
    needs: ['capability:remove=recoverable'],
    async run(context) {
      const { path, version } = await context.create('one')
      await context.driver.restore({ path }, context.call()).catch(() => {})
      assert.equal(await context.readText(path), 'one')
      assert.deepEqual(
        (await context.versions(path)).map(found => found.version),
        [version],
      )
    },
  },
]

function assertRemoval(removal: Removal): void {
  assert.ok(['gone', 'pending', 'retained'].includes(removal.state), `gone, pending or retained, not ${removal.state}`)
  if (removal.state === 'pending') assert.ok(Number.isFinite(removal.retryAfterMs) && removal.retryAfterMs >= 0, 'pending says when to ask again')
  if (removal.state === 'retained') assert.ok(removal.until === undefined || removal.until instanceof Date, 'retained has a date or undefined')
}
