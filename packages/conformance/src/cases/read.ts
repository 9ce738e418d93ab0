import assert from 'node:assert/strict'
import type { VersionId } from '@strongroom/core'
import type { DriverCase } from '../driver-case.ts'
import { expectRefusal, failureOf } from '../expect.ts'

const LATER_WRITES = 10

export const readCases: readonly DriverCase[] = [
  {
    id: 'read/current-names-its-version',
    title: 'a read of the current version says which one it is, and that version by id is the same value',
    needs: [],
    async run(context) {
      const { path } = await context.create('one')
      const newest = await context.append(path, 'two')
      const { version } = await context.read(path)
      assert.equal(version, newest)
      assert.equal(await context.readText(path, version), 'two')
    },
  },
  {
    id: 'read/exact-version-after-more-writes',
    title: `a version is read by its id, unchanged, after ${LATER_WRITES} more writes`,
    needs: [],
    async run(context) {
      const { path, version: first } = await context.create('the first')
      const later: [VersionId, string][] = []
      for (let index = 1; index <= LATER_WRITES; index += 1) later.push([await context.append(path, `write ${index}`), `write ${index}`])
      const read = await context.read(path, first)
      assert.equal(read.version, first, 'the answer names the version that was asked for')
      assert.equal(await context.readText(path, first), 'the first')
      for (const [version, value] of later) assert.equal(await context.readText(path, version), value)
    },
  },
  {
    id: 'read/your-own-writes',
    title: 'a read after a write sees that write',
    needs: [],
    async run(context) {
      const { path } = await context.create('0')
      for (let index = 1; index <= 5; index += 1) {
        const version = await context.append(path, String(index))
        assert.equal(await context.readText(path), String(index))
        assert.equal((await context.read(path)).version, version)
      }
    },
  },
  {
    id: 'read/writes-of-another-driver',
    title: 'a read sees what another driver on the same place wrote: nothing is kept in between',
    needs: ['second'],
    async run(context) {
      const { path } = await context.create('one')
      assert.equal(await context.readText(path, undefined, context.hooks.second), 'one')
      const version = await context.append(path, 'two')
      assert.equal(await context.readText(path, undefined, context.hooks.second), 'two')
      assert.equal(await context.readText(path, version, context.hooks.second), 'two')
      const request = {
        path,
        payload: { bytes: new TextEncoder().encode('three'), text: true },
        token: crypto.randomUUID(),
        after: undefined,
        staged: false,
      }
      await context.hooks.second.append(request, context.call())
      assert.equal(await context.readText(path), 'three')
    },
  },
  {
    id: 'read/missing-is-not-found',
    title: 'a read of a secret that does not exist fails as not_found',
    needs: [],
    async run(context) {
      const { version } = await context.create('elsewhere')
      const path = context.path()
      await expectRefusal(context.driver, context.read(path), 'not_found')
      await expectRefusal(context.driver, context.read(path, version), 'not_found')
    },
  },
  {
    id: 'read/unknown-version-is-not-found',
    title: 'a read of a version that the secret does not have fails as not_found, never with another version',
    needs: [],
    async run(context) {
      const { path } = await context.create('one')
      const other = await context.create('other one')
      await context.append(other.path, 'other two')
      const version = await context.append(other.path, 'other three')
      await expectRefusal(context.driver, context.read(path, version), 'not_found')
    },
  },
  {
    id: 'read/malformed-version-is-refused',
    title: 'a read of a version id that the backend never makes is refused',
    needs: [],
    async run(context) {
      const { path } = await context.create('one')
      for (const version of ['no-such-version', '../1', '0', '-1', '1e0', 'latest', 'AWSCURRENT', '?x=1#y', 'é']) {
        const failure = await failureOf(context.driver, context.read(path, version as VersionId))
        assert.ok(['not_found', 'invalid_argument'].includes(failure.code), `${version}: not_found or invalid_argument, not ${failure.code}`)
      }
    },
  },
  {
    id: 'read/failures-do-not-stick',
    title: 'a secret that was missing is read once it is there',
    needs: [],
    async run(context) {
      const path = context.path()
      await expectRefusal(context.driver, context.read(path), 'not_found')
      await context.create('now', { path })
      assert.equal(await context.readText(path), 'now')
    },
  },
]
