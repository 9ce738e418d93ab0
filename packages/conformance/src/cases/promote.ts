import assert from 'node:assert/strict'
import type { DriverCase } from '../driver-case.ts'
import { currentOf, expectRefusal, failureOf, lost, race, won } from '../expect.ts'

const RACERS = 5

export const promoteCases: readonly DriverCase[] = [
  {
    id: 'promote/moves-current',
    title: 'a promoted version is what readers who name none get',
    needs: ['capability:current=on_promote'],
    async run(context) {
      const { path, version: from } = await context.create('one')
      const version = await context.append(path, 'two', { staged: true })
      await context.driver.promote({ path, version, from }, context.call())
      assert.equal(await context.readText(path), 'two')
      assert.equal((await context.read(path)).version, version)
      assert.equal(await currentOf(context, path), version)
      assert.equal(await context.readText(path, from), 'one')
    },
  },
  {
    id: 'promote/and-back',
    title: 'current can be moved back to an older version',
    needs: ['capability:current=on_promote'],
    async run(context) {
      const { path, version: first } = await context.create('one')
      const second = await context.append(path, 'two', { staged: true })
      await context.driver.promote({ path, version: second, from: first }, context.call())
      await context.driver.promote({ path, version: first, from: second }, context.call())
      assert.equal(await context.readText(path), 'one')
      assert.equal(await currentOf(context, path), first)
    },
  },
  {
    id: 'promote/wrong-from-is-conflict',
    title: 'a promote from a version that is not current fails as conflict and moves nothing',
    needs: ['capability:current=on_promote'],
    async run(context) {
      const { path, version: first } = await context.create('one')
      const second = await context.append(path, 'two', { staged: true })
      const third = await context.append(path, 'three', { staged: true })
      await expectRefusal(context.driver, context.driver.promote({ path, version: third, from: second }, context.call()), 'conflict')
      assert.equal(await context.readText(path), 'one')
      assert.equal(await currentOf(context, path), first)
    },
  },
  {
    id: 'promote/again-is-conflict',
    title: 'a promote that was done already fails as conflict, since its `from` is not current any more',
    needs: ['capability:current=on_promote'],
    async run(context) {
      const { path, version: from } = await context.create('one')
      const version = await context.append(path, 'two', { staged: true })
      await context.driver.promote({ path, version, from }, context.call())
      await expectRefusal(context.driver, context.driver.promote({ path, version, from }, context.call()), 'conflict')
      assert.equal(await currentOf(context, path), version)
    },
  },
  {
    id: 'promote/unknown-version-moves-nothing',
    title: 'a promote of a version that the secret does not have fails and moves nothing',
    needs: ['capability:current=on_promote'],
    async run(context) {
      const { path, version: from } = await context.create('one')
      const other = await context.create('other one')
      await context.append(other.path, 'other two')
      const version = await context.append(other.path, 'other three')
      const failure = await failureOf(context.driver, context.driver.promote({ path, version, from }, context.call()))
      assert.equal(failure.effect, 'none')
      assert.equal(await context.readText(path), 'one')
    },
  },
  {
    id: 'promote/one-of-many-wins',
    title: 'of many promotes from one version one wins, and the others fail as conflict',
    needs: ['capability:current=on_promote'],
    async run(context) {
      const { path, version: from } = await context.create('one')
      const staged = await Promise.all(
        Array.from({ length: RACERS }, async (_, index) => await context.append(path, `staged ${index}`, { staged: true })),
      )
      const results = await race(RACERS, async index => {
        const version = staged[index] ?? from
        await context.driver.promote({ path, version, from }, context.call())
        return version
      })
      const winners = won(results)
      assert.equal(winners.length, 1, `one promote wins, not ${winners.length}`)
      for (const error of lost(results)) assert.equal(context.driver.classify(error).code, 'conflict')
      assert.equal(await currentOf(context, path), winners[0])
    },
  },
]
