import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { text } from '../case-context.ts'
import type { DriverCase } from '../driver-case.ts'
import { expectRefusal, lost, race, won } from '../expect.ts'

const RACERS = 6

export const createCases: readonly DriverCase[] = [
  {
    id: 'create/first-version-is-current',
    title: 'a created secret has one version, and readers who name none get it',
    needs: [],
    async run(context) {
      const made = await context.create('the first')
      const read = await context.read(made.path)
      assert.equal(read.version, made.version)
      assert.equal(await context.readText(made.path), 'the first')
      const versions = await context.versions(made.path)
      assert.deepEqual(
        versions.map(({ version, state, current }) => ({ version, state, current })),
        [{ version: made.version, state: 'usable', current: true }],
      )
    },
  },
  {
    id: 'create/answers-version-and-full-path',
    title: 'the answer has a version id and the path that clients outside the library use',
    needs: [],
    async run(context) {
      const made = await context.create()
      assert.ok(typeof made.version === 'string' && made.version.length > 0 && made.version.length <= 256, 'version is text of 1 to 256 characters')
      assert.ok(typeof made.fullPath === 'string' && made.fullPath.length > 0, 'fullPath is text')
    },
  },
  {
    id: 'create/existing-is-already-exists',
    title: 'a second create fails as already_exists and changes nothing',
    needs: [],
    async run(context) {
      const { path, version } = await context.create('the first')
      await expectRefusal(context.driver, context.create('the second', { path }), 'already_exists')
      assert.equal(await context.readText(path), 'the first')
      assert.deepEqual(
        (await context.versions(path)).map(found => found.version),
        [version],
      )
    },
  },
  {
    id: 'create/one-of-many-wins',
    title: 'of many creators at once one wins, and the others fail as already_exists',
    needs: ['capability:create=atomic'],
    async run(context) {
      const path = context.path()
      const results = await race(RACERS, async index => ({ index, ...(await context.create(`racer ${index}`, { path })) }))
      const winners = won(results)
      assert.equal(winners.length, 1, `one creator wins, not ${winners.length}`)
      for (const error of lost(results)) {
        const { code } = context.driver.classify(error)
        assert.equal(code, 'already_exists')
      }
      assert.equal(await context.readText(path), `racer ${winners[0]?.index}`)
      assert.equal((await context.versions(path)).length, 1)
    },
  },
  {
    id: 'create/same-token-answers-first-version',
    title: 'the same token and payload again answers the first version and makes none',
    needs: ['capability:versionProof=token'],
    async run(context) {
      const first = await context.create('a value')
      const again = await context.create('a value', { path: first.path, token: first.token })
      assert.equal(again.version, first.version)
      assert.equal(again.fullPath, first.fullPath)
      assert.equal((await context.versions(first.path)).length, 1)
    },
  },
  {
    id: 'create/same-token-other-value-changes-nothing',
    title: 'the same token with another value does not overwrite the first',
    needs: [],
    async run(context) {
      const { path, token } = await context.create('the first')
      const request = { path, payload: text('the second'), labels: {}, token }
      await context.driver.create(request, context.call()).catch(() => {})
      assert.equal(await context.readText(path), 'the first')
      assert.equal((await context.versions(path)).length, 1)
    },
  },
  {
    id: 'create/tokens-tell-two-secrets-apart',
    title: 'one token at two paths makes two secrets',
    needs: [],
    async run(context) {
      const token = randomUUID()
      const one = await context.create('one', { token })
      const other = await context.create('other', { token })
      assert.equal(await context.readText(one.path), 'one')
      assert.equal(await context.readText(other.path), 'other')
    },
  },
  {
    id: 'create/after-a-refusal-works-elsewhere',
    title: 'a refused create leaves nothing behind that would stop the next',
    needs: [],
    async run(context) {
      const { path } = await context.create('the first')
      await expectRefusal(context.driver, context.create('the second', { path }), 'already_exists')
      const other = await context.create('the second')
      assert.equal(await context.readText(other.path), 'the second')
    },
  },
  {
    id: 'create/of-a-new-path',
    title: 'a create that is told that its path is new makes what any other does',
    needs: [],
    async run(context) {
      const labels = { owner: 'payments' }
      const { path: plain } = await context.create('any other', { labels })
      const path = context.path()
      const request = { path, payload: text('the first'), labels, token: randomUUID() }
      const { version } = await context.driver.create({ ...request, isNew: true }, context.call())
      assert.equal((await context.read(path)).version, version)
      assert.equal(await context.readText(path), 'the first')
      assert.deepEqual(
        (await context.versions(path)).map(found => found.version),
        [version],
      )
      await context.settled(async () => {
        const entries = await context.list(context.prefix, true)
        const [made, other] = [path, plain].map(one => entries.find(entry => entry.path === one))
        assert.ok(made !== undefined && other !== undefined, 'both are listed')
        // Whether they are those that were given is other cases' matter.
        assert.deepEqual(made.labels, other.labels, 'the labels of both are the same')
      })
    },
  },
  {
    id: 'create/of-a-path-that-is-not-new',
    title: 'where create is atomic, one that is told that its path is new fails as already_exists all the same where it is not',
    needs: ['capability:create=atomic'],
    async run(context) {
      const { path, version } = await context.create('the first')
      const request = { path, payload: text('the second'), labels: {}, token: randomUUID(), isNew: true }
      await expectRefusal(context.driver, context.driver.create(request, context.call()), 'already_exists')
      assert.equal(await context.readText(path), 'the first')
      assert.deepEqual(
        (await context.versions(path)).map(found => found.version),
        [version],
      )
    },
  },
]
