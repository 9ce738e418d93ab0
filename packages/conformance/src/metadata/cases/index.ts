import type { MetadataCase } from '../metadata-case.ts'
import { accounts } from './accounts.ts'
import { adoptions } from './adoptions.ts'
import { audit } from './audit.ts'
import { calls } from './calls.ts'
import { migrations } from './migrations.ts'
import { copies } from './old-copies.ts'
import { pages } from './pages.ts'
import { queue } from './queue.ts'
import { races } from './races/index.ts'
import { requests } from './requests.ts'
import { retention } from './retention.ts'
import { stores } from './stores.ts'
import { views } from './views.ts'
import { writes } from './writes.ts'

/** Every sentence of `MetadataStore`. */
export const metadataCases: readonly MetadataCase[] = [
  ...writes,
  ...requests,
  ...retention,
  ...migrations,
  ...copies,
  ...adoptions,
  ...queue,
  ...views,
  ...stores,
  ...audit,
  ...accounts,
  ...pages,
  ...calls,
  ...races,
]
