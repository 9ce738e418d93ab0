import type { MetadataCase } from '../metadata-case.ts'
import { audit } from './audit.ts'
import { pages } from './pages.ts'
import { queue } from './queue.ts'
import { races } from './races.ts'
import { retention } from './retention.ts'
import { writes } from './writes.ts'

/** Every sentence of `MetadataStore`. */
export const metadataCases: readonly MetadataCase[] = [...writes, ...retention, ...queue, ...audit, ...pages, ...races]
