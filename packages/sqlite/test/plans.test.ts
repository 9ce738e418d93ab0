import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sqliteMetadata } from '@strongroom/sqlite'
import { describe, expect, it, vi } from 'vitest'
import { REGISTRY, useEverything, World, writeWithoutRequest } from '@strongroom/conformance/metadata'
import { pageQuery } from '../src/page.ts'
import { withFolder } from './folder.ts'

const planOf = (database: DatabaseSync, sql: string): string[] =>
  database
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all()
    .map(row => String(row['detail']))

describe('query plans', () => {
  it('are searches in an index for every page, without a sort', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      const store = sqliteMetadata({ path })
      await store.references({ registry: REGISTRY }, {})
      await store.close()
      const database = new DatabaseSync(path)
      // By key it does not even look into the table, whose rows lie in another order.
      const indexes = { created_at: 'INDEX records_created', updated_at: 'INDEX records_updated', key: 'COVERING INDEX records_listed' } as const
      for (const field of ['created_at', 'updated_at', 'key'] as const) {
        for (const ascending of [true, false]) {
          for (const fromCursor of [true, false]) {
            const [plan, ...more] = planOf(database, pageQuery(field, ascending, fromCursor))
            expect(more).toEqual([])
            expect(plan).toContain(`SEARCH records USING ${indexes[field]} (registry=? AND account=?`)
            // The cursor narrows the search, so that a late page costs what the first one does.
            if (fromCursor) expect(plan).toContain(`(${field},id)${ascending ? '>' : '<'}(?,?)`)
          }
        }
      }
      database.close()
    })
  })

  it('never scan a table or sort, and need none for requests that nobody makes', async () => {
    await withFolder(async folder => {
      const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare')
      const path = join(folder, 'metadata.db')
      const world = await World.make(async clock => {
        const store = sqliteMetadata({ path, clock })
        return { store, dispose: () => store.close() }
      })
      await writeWithoutRequest(world)
      expect(prepare.mock.calls.filter(([sql]) => /\brequests\b/.test(sql))).toEqual([])
      await useEverything(world)
      await world.dispose()
      const statements = [...new Set(prepare.mock.calls.map(([sql]) => sql))].filter(sql => !/PRAGMA|sqlite_schema/.test(sql))
      prepare.mockRestore()
      expect(statements.length).toBeGreaterThan(40)
      const database = new DatabaseSync(path)
      const slow = statements.filter(sql => planOf(database, sql).some(detail => /^SCAN (?!CONSTANT)|TEMP B-TREE|AUTOMATIC/.test(detail)))
      expect(slow).toEqual([])
      // Only the counts of a whole registry, and the names of its few stores, may go through all of it, or through all that fails again and again.
      const broad = statements.filter(sql =>
        planOf(database, sql).some(
          detail => (detail.endsWith('(registry=?)') && !/_failing/.test(detail)) || /SEARCH audit .*account=\?\)$/.test(detail),
        ),
      )
      expect(
        broad.filter(
          sql =>
            !/^SELECT (count\(\*\)|sum\(records\)) AS number FROM (intents|queue|accounts) WHERE registry = \?$/.test(sql) &&
            sql !== 'SELECT name, location FROM stores WHERE registry = ?',
        ),
      ).toEqual([])
      // The partial indexes: of old copies among many tasks, and of the one intent of a kind that a record or a key has.
      const used = (sql: string): readonly string[] =>
        planOf(database, sql).flatMap(
          detail => /USING (?:COVERING )?INDEX ((?:queue_copies|intents_(?:secret|key|migration))\w*)/.exec(detail)?.[1] ?? [],
        )
      const ofCopies = statements.filter(sql => sql.includes('copy IS NOT NULL'))
      const ofKinds = statements.filter(sql => sql.includes("'migrate'"))
      expect(ofCopies.flatMap(used).toSorted()).toEqual(['queue_copies_secret', 'queue_copies_secret', 'queue_copies_store'])
      expect(ofKinds.flatMap(used).toSorted()).toEqual(['intents_key', 'intents_migration', 'intents_secret'])
      expect([ofCopies.length, ofKinds.length]).toEqual([3, 3])
      // What is due is found without what is not, and what fails without the rest.
      const ways = statements.flatMap(sql => planOf(database, sql)).filter(detail => /_due .*<|_failing/.test(detail))
      expect([...new Set(ways)].toSorted()).toEqual([
        'SEARCH intents USING INDEX intents_due (registry=? AND store=? AND lease_until<?)',
        'SEARCH intents USING INDEX intents_failing (registry=?)',
        'SEARCH queue USING INDEX queue_due (registry=? AND store=? AND ready_at>? AND ready_at<?)',
        'SEARCH queue USING INDEX queue_failing (registry=?)',
      ])
      database.close()
    })
  })
})
