import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { DriverVersion, VersionId } from '@strongroom/core'
import type { DriverCase } from '../driver-case.ts'
import { currentOf, expectRefusal } from '../expect.ts'

const DAY_MS = 86_400_000
const PAGE_LIMIT = 1_000

export const versionsCases: readonly DriverCase[] = [
  {
    id: 'versions/missing-is-not-found',
    title: 'the versions of a secret that does not exist are not_found, not an empty list',
    needs: [],
    async run(context) {
      await expectRefusal(context.driver, context.versions(context.path()), 'not_found')
    },
  },
  {
    id: 'versions/each-once-and-one-current',
    title: 'every version is listed once, and the current one is what a read gets',
    needs: [],
    async run(context) {
      const { path, version } = await context.create('0')
      const made = [version]
      for (let index = 1; index < 6; index += 1) made.push(await context.append(path, String(index)))
      const listed = await context.versions(path)
      assert.equal(listed.length, made.length)
      assert.deepEqual(new Set(listed.map(found => found.version)), new Set(made))
      assert.equal(await currentOf(context, path), (await context.read(path)).version)
      // A backend that only detaches cannot tell a version that was replaced from one that was given up.
      const told = context.capabilities.destroyVersion === 'detached' ? listed.filter(({ current }) => current) : listed
      assert.ok(told.every(({ state }) => state === 'usable'))
    },
  },
  {
    id: 'versions/oldest-first',
    title: 'versions come oldest first where appends are compared',
    needs: ['capability:appendAfter=compared'],
    async run(context) {
      const { path, version } = await context.create('0')
      const made = [version]
      for (let index = 1; index < 12; index += 1) made.push(await context.append(path, String(index)))
      assert.deepEqual(
        (await context.versions(path)).map(found => found.version),
        made,
      )
    },
  },
  {
    id: 'versions/after-leaves-out-nothing-newer',
    title: 'the hint `after` may leave out older versions, and no newer one',
    needs: [],
    async run(context) {
      const { path, version } = await context.create('0')
      const made = [version]
      for (let index = 1; index < 6; index += 1) made.push(await context.append(path, String(index)))
      const after = made[2] as VersionId
      const listed = new Set((await context.versions(path, after)).map(found => found.version))
      for (const newer of made.slice(3)) assert.ok(listed.has(newer), `${newer} is newer than ${after} and listed`)
    },
  },
  {
    id: 'versions/pages-while-appending',
    title: 'no version is missed or repeated while others append between the pages',
    needs: [],
    async run(context) {
      const { path, version } = await context.create('0')
      const before = [version]
      for (let index = 1; index < Math.min(context.settings.pagingItems, 20); index += 1) before.push(await context.append(path, String(index)))
      const listed: VersionId[] = []
      let page: string | undefined
      for (let pages = 0; pages < PAGE_LIMIT; pages += 1) {
        const answer = await context.driver.versions({ path, after: undefined, page }, context.call())
        listed.push(...answer.items.map(found => found.version))
        page = answer.next
        if (page === undefined) break
        if (pages < 5) await context.append(path, `in between ${pages}`)
      }
      assert.equal(page, undefined, 'the pages end')
      assert.equal(new Set(listed).size, listed.length, 'no version is repeated')
      for (const made of before) assert.ok(listed.includes(made), `version ${made} was there before the first page, and is missed`)
    },
  },
  {
    id: 'versions/tokens-only-where-declared',
    title: 'where versions are told apart by position, no token is claimed',
    needs: ['capability:versionProof=position'],
    async run(context) {
      const { path } = await context.create('one')
      await context.append(path, 'two')
      for (const { token } of await context.versions(path)) assert.equal(token, undefined)
    },
  },
  {
    id: 'versions/staged-is-usable-and-not-current',
    title: 'a staged version is listed as usable and not as current',
    needs: ['capability:current=on_promote'],
    async run(context) {
      const { path } = await context.create('one')
      const staged = await context.append(path, 'two', { staged: true })
      const found: DriverVersion | undefined = (await context.versions(path)).find(({ version }) => version === staged)
      assert.deepEqual({ state: found?.state, current: found?.current }, { state: 'usable', current: false })
    },
  },
  {
    id: 'versions/have-plausible-dates',
    title: 'createdAt is a date about now, or undefined',
    needs: [],
    async run(context) {
      const { path } = await context.create('one')
      for (const { createdAt } of await context.versions(path)) {
        if (createdAt === undefined) continue
        assert.ok(createdAt instanceof Date && !Number.isNaN(createdAt.getTime()), 'createdAt is a valid Date')
        assert.ok(Math.abs(createdAt.getTime() - Date.now()) < DAY_MS, `createdAt is about now, not ${createdAt.toISOString()}`)
      }
    },
  },
  {
    id: 'versions/carry-no-value',
    title: 'the list of versions has no value in it',
    needs: [],
    async run(context) {
      const { path } = await context.create('marker-in-a-value-7f3a')
      const shown = inspect(await context.versions(path), { depth: Infinity, showHidden: true })
      assert.ok(!shown.includes('marker-in-a-value-7f3a'), 'no value is listed')
    },
  },
]
