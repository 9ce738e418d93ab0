import { aws, azure, google, local, vault, type Configuration, type Role } from './system.ts'

const maintain: Role = { does: 'maintain' }
const update: Role = { does: 'update', record: 0 }
const first: Role = { does: 'create', record: 0 }
const second: Role = { does: 'create', record: 1 }
const migrate: Role = { does: 'migrate', record: 0, to: 1 }
const back: Role = { does: 'migrate', record: 0, to: 0 }
const TWO = { faults: 2, crashes: 1, timeouts: 1, ambiguous: 1, stalls: 1 }
const ONE = { ...TWO, faults: 1 }
const TIMEOUT = { faults: 1, timeouts: 1 }
const DEATH = { faults: 1, crashes: 1 }
const PUTS = { faults: 2, crashes: 1, timeouts: 2 }

const of = (
  name: string,
  flavour: Configuration['flavour'],
  roles: readonly Role[],
  more: Partial<Configuration> = {},
): readonly [string, Configuration] => [
  `${flavour.name}${name.startsWith('to ') ? ' ' : ': '}${name}`,
  { flavour, roles, versions: 1, keep: 1, budget: TWO, ...more },
]

/** Small, and together what the protocol can meet: each is explored to its end. */
export const CONFIGURATIONS: ReadonlyMap<string, Configuration> = new Map([
  ...[google, azure, vault].map(flavour => of('create', flavour, [first, maintain], { versions: 0 })),
  of('create, create', aws, [first, second, maintain], { versions: 0, budget: DEATH }),
  of('create, delete, create', vault, [first, { does: 'delete', record: 0 }, second, maintain], { versions: 0, budget: DEATH }),
  ...[local, aws, azure, google, vault].map(flavour => of('update', flavour, [update, maintain])),
  ...[aws, vault].map(flavour => of('update, two maintainers', flavour, [update, maintain, maintain], { budget: ONE })),
  ...[local, google].map(flavour => of('update, update', flavour, [update, update, maintain], { budget: flavour === local ? {} : TIMEOUT })),
  of('update, of one round', vault, [update, maintain], { rounds: 1, budget: PUTS }),
  of('update, delete', vault, [update, { does: 'delete', record: 0 }, maintain], { budget: ONE }),
  of('update, describe', azure, [update, { does: 'describe', record: 0 }, maintain], { budget: ONE }),
  ...[azure, vault].map(flavour => of('update, outsider', flavour, [update, { does: 'outsider', record: 0 }, maintain], { budget: PUTS })),
  of('update, reader', local, [update, { does: 'read', record: 0 }, maintain], { budget: ONE }),
  of('keep two: update, update', vault, [update, update, maintain], { versions: 2, keep: 2, budget: { faults: 1, timeouts: 1 } }),
  of('keep two: update, rollback', aws, [update, { does: 'rollback', record: 0, to: 1 }, maintain], { versions: 2, keep: 2, budget: ONE }),
  of('keep two: update, rollback', google, [update, { does: 'rollback', record: 0, to: 1 }, maintain], { versions: 2, keep: 2, budget: ONE }),
  of('the same create again', aws, [{ ...first, request: 0 }, { ...second, request: 0 }, maintain], {
    versions: 0,
    budget: DEATH,
  }),
  of('the same update again', local, [{ ...update, request: 0 }, { ...update, request: 0 }, maintain], {
    budget: { faults: 1, crashes: 1, timeouts: 1 },
  }),
  of('update, repair', google, [update, { does: 'repair', record: 0 }, maintain], { budget: { faults: 1, crashes: 1, timeouts: 1 } }),
  ...[aws, azure, vault].map(flavour => of('migrate', flavour, [migrate, maintain])),
  of('migrate, garbled', vault, [migrate, maintain], { budget: { faults: 1, garbles: 1 } }),
  of('migrate, update', vault, [migrate, update, maintain], { budget: ONE }),
  of('migrate, update', local, [migrate, update, maintain], { budget: {} }),
  of('migrate, delete', vault, [migrate, { does: 'delete', record: 0 }, maintain], { budget: ONE }),
  of('kept: migrate, delete', vault, [migrate, { does: 'delete', record: 0 }, maintain], { budget: ONE, keepsCopies: true }),
  of('migrate, reader', vault, [migrate, { does: 'read', record: 0 }, maintain], { budget: ONE }),
  of('to google: migrate, migrate', vault, [migrate, migrate, maintain], { target: google, budget: { faults: 1, ambiguous: 1 } }),
  of('to azure: migrate, migrate', vault, [migrate, migrate, maintain], { target: azure, budget: DEATH }),
  of('moved: return, update', vault, [back, update, maintain], { moved: true, budget: { faults: 1, timeouts: 1, stalls: 1 } }),
  of('moved: return, delete', vault, [back, { does: 'delete', record: 0 }, maintain], { moved: true, budget: ONE }),
  of('moved behind its label: return', local, [back, maintain], { moved: true, versions: 2, before: 'label behind', budget: ONE }),
  of('moved before a late put: return', local, [back, update, maintain], { moved: true, before: 'late put', keepsCopies: true, budget: ONE }),
  of('create that lands too late, sweep', aws, [first, { does: 'sweep' }, maintain], { versions: 0, overdue: true, foreign: true, budget: PUTS }),
])
