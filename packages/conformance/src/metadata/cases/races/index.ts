import type { MetadataCase } from '../../metadata-case.ts'
import { ends } from './ends.ts'
import { migrations } from './migrations.ts'
import { upkeep } from './upkeep.ts'
import { views } from './views.ts'
import { winners } from './winners.ts'

/** Between two stores on one database. */
export const races: readonly MetadataCase[] = [...winners, ...ends, ...upkeep, ...views, ...migrations]
