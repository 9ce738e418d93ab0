import assert from 'node:assert/strict'
import type { CaseContext } from '../case-context.ts'
import type { DriverCase } from '../driver-case.ts'
import { currentOf, expectRefusal, failureOf } from '../expect.ts'

export const destroyCases: readonly DriverCase[] = [
  {
    id: 'destroy/erased-is-unusable',
    title: 'a destroyed version fails as version_unusable, where destruction erases',
    needs: ['capability:destroyVersion=erased'],
    run: destroyedIsUnusable,
  },
  {
    id: 'destroy/blocked-is-unusable',
    title: 'a destroyed version fails as version_unusable, where destruction disables',
    needs: ['capability:destroyVersion=blocked'],
    run: destroyedIsUnusable,
  },
  {
    id: 'destroy/detached-is-told-honestly',
    title: 'a destroyed version is still readable by id, as `detached` says',
    needs: ['capability:destroyVersion=detached'],
    async run(context) {
      const { path, version } = await context.create('one')
      await context.append(path, 'two')
      await context.driver.destroyVersion({ path, version }, context.call())
      assert.equal(await context.readText(path, version), 'one')
    },
  },
  {
    id: 'destroy/is-seen-in-versions',
    title: 'a destroyed version is not listed as usable, nor as current',
    needs: [],
    async run(context) {
      const { path, version: first } = await context.create('one')
      const second = await context.append(path, 'two')
      await context.driver.destroyVersion({ path, version: first }, context.call())
      const listed = await context.versions(path)
      const found = listed.find(({ version }) => version === first)
      if (found !== undefined) {
        const allowed = context.capabilities.destroyVersion === 'blocked' ? ['disabled', 'destroyed'] : ['destroyed']
        assert.ok(allowed.includes(found.state), `its state is ${allowed.join(' or ')}, not ${found.state}`)
        assert.equal(found.current, false)
      }
      assert.equal(listed.find(({ version }) => version === second)?.state, 'usable')
    },
  },
  {
    id: 'destroy/only-that-version',
    title: 'the other versions stay readable, and current stays where it is',
    needs: [],
    async run(context) {
      const { path, version: first } = await context.create('one')
      const second = await context.append(path, 'two')
      const third = await context.append(path, 'three')
      await context.driver.destroyVersion({ path, version: second }, context.call())
      assert.equal(await context.readText(path, first), 'one')
      assert.equal(await context.readText(path, third), 'three')
      assert.equal(await context.readText(path), 'three')
      assert.equal(await currentOf(context, path), third)
    },
  },
  {
    id: 'destroy/staged-version',
    title: 'a staged version can be destroyed, and readers who name none notice nothing',
    needs: ['capability:current=on_promote'],
    async run(context) {
      const { path, version: first } = await context.create('one')
      const staged = await context.append(path, 'two', { staged: true })
      await context.driver.destroyVersion({ path, version: staged }, context.call())
      assert.equal(await context.readText(path), 'one')
      assert.equal(await currentOf(context, path), first)
      assert.ok((await context.versions(path)).every(({ version, state }) => version !== staged || state !== 'usable'))
    },
  },
  {
    id: 'destroy/twice-is-a-success',
    title: 'a version that is gone already is a success',
    needs: [],
    async run(context) {
      const { path, version } = await context.create('one')
      await context.append(path, 'two')
      await context.driver.destroyVersion({ path, version }, context.call())
      await context.driver.destroyVersion({ path, version }, context.call())
      assert.equal(await context.readText(path), 'two')
    },
  },
  {
    id: 'destroy/missing-secret-makes-none',
    title: 'destroying a version of a secret that does not exist is not_found or done already, and makes nothing',
    needs: [],
    async run(context) {
      const { version } = await context.create('elsewhere')
      const path = context.path()
      const destroyed = context.driver.destroyVersion({ path, version }, context.call())
      await destroyed.catch((error: unknown) => assert.equal(context.driver.classify(error).code, 'not_found'))
      await expectRefusal(context.driver, context.read(path), 'not_found')
    },
  },
  {
    id: 'destroy/current-is-refused-or-done',
    title: 'the current version is refused as conflict and stays, or is destroyed and nothing takes its place unasked',
    needs: [],
    async run(context) {
      const { path } = await context.create('one')
      const current = await context.append(path, 'two')
      let refused = false
      try {
        await context.driver.destroyVersion({ path, version: current }, context.call())
      } catch (error) {
        assert.deepEqual([context.driver.classify(error).code, context.driver.classify(error).effect], ['conflict', 'none'])
        refused = true
      }
      if (refused) return assert.equal(await context.readText(path), 'two')
      if (context.capabilities.destroyVersion === 'detached') return
      const failure = await failureOf(context.driver, context.read(path))
      assert.ok(['version_unusable', 'not_found'].includes(failure.code), `readers get version_unusable, not ${failure.code}`)
    },
  },
  {
    id: 'destroy/can-be-followed-by-an-append',
    title: 'a secret takes new versions after one was destroyed, under new ids',
    needs: [],
    async run(context) {
      const { path, version: first } = await context.create('one')
      const second = await context.append(path, 'two')
      await context.driver.destroyVersion({ path, version: first }, context.call())
      const third = await context.append(path, 'three')
      assert.ok(third !== first && third !== second, 'an id is not used twice')
      assert.equal(await context.readText(path, third), 'three')
      assert.equal(await context.readText(path, second), 'two')
    },
  },
]

async function destroyedIsUnusable(context: CaseContext): Promise<void> {
  const { path, version } = await context.create('one')
  await context.append(path, 'two')
  await context.driver.destroyVersion({ path, version }, context.call())
  await expectRefusal(context.driver, context.read(path, version), 'version_unusable')
}
