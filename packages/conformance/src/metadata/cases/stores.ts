import { equal, expectRefused, includes } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { OTHER_REGISTRY, REGISTRY, watch } from '../world.ts'

export const stores: readonly MetadataCase[] = [
  {
    id: 'stores/store-names-are-bound',
    title: 'binds store names for good, all or none',
    async run(world) {
      const bind = (stores: Readonly<Record<string, string>>, registry = REGISTRY) => world.store.bindStores({ registry, stores }, {})
      includes(await bind({ main: 'aws:1', second: 'aws:2' }), { missing: [] })
      includes(await bind({ main: 'aws:1' }), { missing: [] })
      await expectRefused(bind({ fresh: 'aws:4', second: 'aws:3' }), 'misconfigured')
      includes(await bind({ fresh: 'aws:5' }), { missing: [] })
      includes(await bind({ main: 'aws:9' }, OTHER_REGISTRY), { missing: [] })
      await world.create()
      await world.begin({ store: 'intended' })
      await world.enqueue({ ...watch, store: 'é' }, { ...watch, store: 'constructor' }, { ...watch, store: 'second' })
      includes(await bind({ second: 'aws:2' }), { missing: ['constructor', 'intended', 'main', 'é'] })
    },
  },
  {
    id: 'stores/bindings-are-told',
    title: 'answers what each name is bound to, and a refusal names the store and both places',
    async run(world) {
      const bind = (stores: Readonly<Record<string, string>>, registry = REGISTRY) => world.store.bindStores({ registry, stores }, {})
      const both = { main: 'aws:1', second: 'aws:2' }
      equal(await bind({}), { missing: [], bound: {} })
      equal(await bind(both), { missing: [], bound: both })
      equal(await bind({ main: 'aws:9' }, OTHER_REGISTRY), { missing: [], bound: { main: 'aws:9' } })
      const { message } = await expectRefused(bind({ fresh: 'aws:4', second: 'aws:3' }), 'misconfigured')
      for (const part of ['"second"', 'aws:2', 'aws:3']) if (!message.includes(part)) throw new Error(`the refusal does not name ${part}`)
      equal(await bind({}), { missing: [], bound: both })
    },
  },
]
