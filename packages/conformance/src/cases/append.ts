import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { DriverCase } from '../driver-case.ts'
import { currentOf, expectRefusal } from '../expect.ts'

export const appendCases: readonly DriverCase[] = [
  {
    id: 'append/missing-is-not-found',
    title: 'an append to a secret that does not exist fails and makes none',
    needs: [],
    async run(context) {
      const path = context.path()
      await expectRefusal(context.driver, context.append(path, 'a value'), 'not_found')
      await expectRefusal(context.driver, context.read(path), 'not_found')
    },
  },
  {
    id: 'append/adds-a-version',
    title: 'an append makes a new version, leaves the old one, and is current unless staged',
    needs: [],
    async run(context) {
      const { path, version: first } = await context.create('one')
      const second = await context.append(path, 'two')
      assert.notEqual(second, first)
      assert.equal(await context.readText(path, first), 'one')
      assert.equal(await context.readText(path, second), 'two')
      assert.equal(await currentOf(context, path), second)
      assert.equal(await context.readText(path), 'two')
    },
  },
  {
    id: 'append/readable-by-id-at-once',
    title: 'each version is readable by its id as soon as the append has answered',
    needs: [],
    async run(context) {
      const { path } = await context.create('0')
      for (let index = 1; index <= 5; index += 1) {
        const version = await context.append(path, String(index))
        assert.equal(await context.readText(path, version), String(index))
      }
    },
  },
  {
    id: 'append/same-value-is-another-version',
    title: 'the same value under another token is a version of its own',
    needs: [],
    async run(context) {
      const { path, version: first } = await context.create('same')
      const second = await context.append(path, 'same')
      assert.notEqual(second, first)
      assert.deepEqual(new Set((await context.versions(path)).map(({ version }) => version)), new Set([first, second]))
    },
  },
  {
    id: 'append/staged-leaves-current-alone',
    title: 'a staged version is readable by id, and readers who name none still get the old one',
    needs: ['capability:current=on_promote'],
    async run(context) {
      const { path, version: first } = await context.create('one')
      const second = await context.append(path, 'two', { staged: true })
      assert.equal(await context.readText(path), 'one')
      assert.equal(await context.readText(path, second), 'two')
      assert.equal(await currentOf(context, path), first)
    },
  },
  {
    id: 'append/staged-twice-keeps-both',
    title: 'a second staged version leaves the first one readable',
    needs: ['capability:current=on_promote'],
    async run(context) {
      const { path, version: first } = await context.create('one')
      const second = await context.append(path, 'two', { staged: true })
      const third = await context.append(path, 'three', { staged: true })
      assert.equal(await context.readText(path, second), 'two')
      assert.equal(await context.readText(path, third), 'three')
      assert.equal(await currentOf(context, path), first)
    },
  },
  {
    id: 'append/after-the-newest-is-taken',
    title: 'an append after the newest version is taken',
    needs: ['capability:appendAfter=compared'],
    async run(context) {
      const { path, version: first } = await context.create('one')
      const second = await context.append(path, 'two', { after: first })
      const third = await context.append(path, 'three', { after: second })
      assert.equal(await context.readText(path, third), 'three')
    },
  },
  {
    id: 'append/after-an-older-is-conflict',
    title: 'an append after a version that is not the newest fails as conflict and writes nothing',
    needs: ['capability:appendAfter=compared'],
    async run(context) {
      const { path, version: first } = await context.create('one')
      const second = await context.append(path, 'two')
      await expectRefusal(context.driver, context.append(path, 'three', { after: first }), 'conflict')
      assert.equal(await context.readText(path), 'two')
      assert.deepEqual(new Set((await context.versions(path)).map(({ version }) => version)), new Set([first, second]))
    },
  },
  {
    id: 'append/token-is-found-in-versions',
    title: 'the token of a create or append is found in the list of versions, on its version and no other',
    needs: ['capability:versionProof=token'],
    async run(context) {
      const { path, version: first, token: firstToken } = await context.create('one')
      const tokens = new Map([[first, firstToken]])
      for (const staged of context.capabilities.current === 'on_promote' ? [false, true] : [false, false]) {
        const token = randomUUID()
        tokens.set(await context.append(path, 'more', { token, staged }), token)
      }
      const found = (await context.versions(path)).map(({ version, token }) => [version, token] as const)
      assert.deepEqual(new Map(found), new Map(tokens))
    },
  },
  {
    id: 'append/keeps-labels',
    title: 'the labels that a secret was made with outlive an append',
    needs: [],
    async run(context) {
      const labels = { owner: 'payments', 'strongroom.record': 'r-1' }
      const { path } = await context.create('one', { labels })
      await context.append(path, 'two')
      await context.settled(async () => {
        const entry = (await context.list(path, true)).find(found => found.path === path)
        assert.ok(entry !== undefined, 'it is listed')
        if (entry.labels === undefined) context.skip('the backend keeps no labels')
        assert.deepEqual({ ...entry.labels }, labels)
      })
    },
  },
  {
    id: 'append/removed-is-refused',
    title: 'an append to a removed secret is refused, and after a restore nothing has been added',
    needs: ['capability:remove=recoverable'],
    async run(context) {
      const { path, version } = await context.create('one')
      await context.driver.remove({ path, purge: false }, context.call())
      await expectRefusal(context.driver, context.append(path, 'two'), 'not_found', 'name_held')
      await context.driver.restore({ path }, context.call())
      await context.settled(async () => {
        assert.equal(await context.readText(path), 'one')
        assert.deepEqual(
          (await context.versions(path)).map(found => found.version),
          [version],
        )
      })
    },
  },
]
