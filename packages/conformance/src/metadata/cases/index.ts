import type { MetadataCase } from '../metadata-case.ts'
import { audit } from './audit.ts'
import { pages } from './pages.ts'
import { queue } from './queue.ts'
import { races } from './races.ts'
import { requests } from './requests.ts'
import { retention } from './retention.ts'
import { writes } from './writes.ts'

/** Every sentence of `MetadataStore`. */
export const metadataCases: readonly MetadataCase[] = [...writes, ...requests, ...retention, ...queue, ...audit, ...pages, ...races]
