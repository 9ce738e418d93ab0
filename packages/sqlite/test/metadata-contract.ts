import { afterEach, beforeEach, describe } from 'vitest'
import { auditCases } from './contract/audit-cases.ts'
import { pageCases } from './contract/page-cases.ts'
import { queueCases } from './contract/queue-cases.ts'
import { World, type Factory } from './contract/world.ts'
import { writeCases } from './contract/write-cases.ts'

/** Every sentence of `MetadataStore`, as cases that any implementation must pass. The clock is the store's: only a case moves it. */
export function metadataContract(label: string, factory: Factory): void {
  describe(`metadata store v1: ${label}`, () => {
    let world: World
    beforeEach(async () => {
      world = await World.make(factory)
    })
    afterEach(() => world.dispose())
    const use = (): World => world
    describe('writes', () => writeCases(use))
    describe('queue and stores', () => queueCases(use))
    describe('audit and calls', () => auditCases(use))
    describe('pages', () => pageCases(use))
  })
}
