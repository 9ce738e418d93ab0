// oxlint-disable oxc/no-map-spread -- copies, since what the backend gave is not ours to change
import type { ConformanceOptions, StartHarness } from '@strongroom/conformance'
import type { SecretDriver } from '@strongroom/core'
import { memoryHarness } from '../memory-harness.ts'

const DATES = 'versions/have-plausible-dates'
const link = 'https://example.com/why'

const undated = (driver: SecretDriver): SecretDriver => ({
  ...driver,
  versions: async (request, call) => {
    const { items, next } = await driver.versions(request, call)
    return { items: items.map(item => ({ ...item, createdAt: new Date(0) })), next }
  },
})

/**
 * A faults hook without `wire`, as the kit allows. What needs it waits for a deadline in each of a hundred cases, and says nothing
 * about a binding that the others don't.
 */
const withoutWire =
  (start: StartHarness): StartHarness =>
  async context => {
    const harness = await start(context)
    if (harness.faults === undefined) return harness
    const { wire: _, ...faults } = harness.faults
    return { ...harness, faults }
  }

/** How the adopting file behaves, so that one file serves every outcome. */
const modes: Readonly<Record<string, { readonly start: StartHarness; readonly options: ConformanceOptions }>> = {
  good: {
    start: memoryHarness({ without: ['manageOnly'], mutate: undated }),
    options: { require: ['denied', 'faults'], where: 'this process', deviations: { [DATES]: link } },
  },
  faulty: { start: memoryHarness({ mutate: undated }), options: {} },
  'stale deviation': { start: memoryHarness(), options: { deviations: { [DATES]: link } } },
  incomplete: { start: memoryHarness({ without: ['denied'] }), options: { require: ['denied'], deviations: { 'read/no-such-case': link } } },
  'not starting': {
    start: async () => {
      throw new Error('no server')
    },
    options: {},
  },
}

export function adopted(): { readonly start: StartHarness; readonly options: ConformanceOptions } {
  const mode = modes[process.env['STRONGROOM_ADOPT'] ?? 'good']
  if (mode === undefined) throw new Error('there is no such mode')
  return { start: withoutWire(mode.start), options: { pagingItems: 8, ...mode.options } }
}
