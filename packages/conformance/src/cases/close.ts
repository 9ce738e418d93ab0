import assert from 'node:assert/strict'
import { createSecretStore, type SecretDriver } from '@strongroom/core'
import type { CaseContext } from '../case-context.ts'
import type { DriverCase } from '../driver-case.ts'
import { expectError } from '../expect.ts'
import { observedDriver } from '../observed-driver.ts'

export const closeCases: readonly DriverCase[] = [
  {
    id: 'close/twice',
    title: 'a driver that was used can be closed twice',
    needs: [],
    async run(context) {
      const { driver } = await context.fresh()
      await driver.list({ prefix: context.prefix, withLabels: false, page: undefined }, context.call())
      await driver.close()
      await driver.close()
    },
  },
  {
    id: 'close/unused',
    title: 'a driver that was never used can be closed',
    needs: [],
    async run(context) {
      const { driver } = await context.fresh()
      await driver.close()
    },
  },
  {
    id: 'close/does-not-break-another',
    title: 'closing one driver leaves another on the same place working',
    needs: ['second'],
    async run(context: CaseContext) {
      const { driver, second } = await context.fresh()
      if (second === undefined) context.skip('the fresh harness has no second driver')
      await driver.list({ prefix: context.prefix, withLabels: false, page: undefined }, context.call())
      await driver.close()
      await second.list({ prefix: context.prefix, withLabels: false, page: undefined }, context.call())
    },
  },
  {
    id: 'close/store-refuses-afterwards',
    title: 'a closed store refuses every call as closed, closes its driver once, and may be closed twice',
    needs: [],
    async run(context) {
      let closed = 0
      const { driver, requests } = context.recorded()
      const store = createSecretStore({ ...(driver satisfies SecretDriver), close: async () => void (closed += 1) }, { prefix: context.prefix })
      await store.put('a', 'a value')
      requests.length = 0
      await store.close()
      await store.close()
      const calls = [store.get('a'), store.put('a', 'another'), store.getMany(['a']), store.delete('a', { purge: true })]
      for (const call of [...calls, Array.fromAsync(store.list()), Array.fromAsync(store.versions('a'))]) {
        assert.equal((await expectError(call, 'closed')).effect, 'none')
      }
      assert.deepEqual([requests.length, closed], [0, 1])
    },
  },
  {
    id: 'close/store-waits-for-what-is-under-way',
    title: 'a store that is closed lets the calls under way end first',
    needs: [],
    async run(context) {
      const { path } = await context.create('a value', { path: context.path('shared') })
      const held = Promise.withResolvers<void>()
      const slow = observedDriver(context.driver, () => held.promise)
      const store = createSecretStore({ ...slow, close: async () => {} }, { prefix: context.prefix })
      const order: string[] = []
      const call = store.get('shared').then(({ value }) => order.push(value.revealText()))
      const closing = store.close().then(() => order.push('closed'))
      held.resolve()
      await Promise.all([call, closing])
      assert.deepEqual(order, ['a value', 'closed'])
      assert.equal(await context.readText(path), 'a value')
    },
  },
]
