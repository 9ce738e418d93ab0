import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sqliteMetadata } from '@strongroom/sqlite'
import { describe, expect, it } from 'vitest'
import { startService } from './support/service.ts'

const COUNT = 1_000_000
const LIMIT = 10_000
const SECRETS = '/v5/sgp/secrets'

// The first is made by the API; the others are its row again. What is not there of them is their values and their entries in the audit trail.
const FILL = `
  INSERT INTO records
  SELECT * FROM (
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${COUNT - 1}),
    first AS (SELECT * FROM records)
    SELECT COLUMNS FROM numbers, first
  )`

describe('a million secrets', () => {
  it('are paged to the end over HTTP, each once, in order', { timeout: 300_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strongroom-million-'))
    try {
      const path = join(folder, 'meta.db')
      await using service = await startService({ metadata: sqliteMetadata({ path }) })
      expect((await service.call('POST', SECRETS, { key: 'key-0000000', value: 'v' })).status).toBe(200)
      fill(path)
      let after = ''
      let last = ''
      let seen = 0
      for (let more = true; more;) {
        const { status, json, text } = await service.call('GET', `${SECRETS}?limit=${LIMIT}&sort_by=key&sort_order=asc${after}`)
        expect(status, text.slice(0, 500)).toBe(200)
        expect(json.total).toBe(COUNT)
        for (const { key } of json.items) {
          if (key <= last) throw new Error(`${key} after ${last}`)
          last = key
        }
        seen += json.items.length
        after = `&starting_after=${json.items.at(-1).id}`
        more = json.has_more
      }
      expect([seen, last]).toEqual([COUNT, `key-${String(COUNT - 1).padStart(7, '0')}`])
      // And back from the end, by the first id.
      const end = await service.call('GET', `${SECRETS}?limit=1&sort_by=key&sort_order=desc`)
      const back = await service.call('GET', `${SECRETS}?limit=3&sort_by=key&sort_order=asc&ending_before=${end.json.items[0].id}`)
      expect(back.json.items.map(({ key }: { readonly key: string }) => key)).toEqual(['key-0999996', 'key-0999997', 'key-0999998'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

function fill(path: string): void {
  using database = new DatabaseSync(path)
  database.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -400000')
  const columns = database
    .prepare("SELECT name FROM pragma_table_info('records') ORDER BY cid")
    .all()
    .map(({ name }) => String(name))
  const changed: Readonly<Record<string, string>> = {
    id: "printf('%08x-0000-7000-8000-%012x', n, n)",
    key: "printf('key-%07d', n)",
    path: "first.path || '-' || n",
    created_at: 'first.created_at + n',
  }
  const indexes = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'records' AND sql IS NOT NULL").all()
  database.exec('BEGIN')
  for (const { name } of indexes) database.exec(`DROP INDEX ${String(name)}`)
  database.exec(FILL.replace('COLUMNS', columns.map(name => changed[name] ?? `first.${name}`).join(', ')))
  for (const { sql } of indexes) database.exec(String(sql))
  database.exec(`UPDATE accounts SET records = ${COUNT}`)
  database.exec('COMMIT')
}
