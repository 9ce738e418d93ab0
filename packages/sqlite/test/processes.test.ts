import { join } from 'node:path'
import { accountId, secretId, verifyAudit } from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'
import { describe, expect, it } from 'vitest'
import { child, childWithFileLimit, withFolder } from './folder.ts'

const registry = 'registry-1'
const account = accountId('account-1')

describe('several processes', () => {
  it('open a file that is not there yet at once, and one creator of each key begins', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'new', 'metadata.db')
      const startAt = String(Date.now() + 1500)
      const answers = (await Promise.all(Array.from({ length: 4 }, () => child('race', path, startAt)))) as string[][]
      for (let number = 0; number < 20; number += 1) {
        const states = answers.map(answer => answer[number])
        expect(states.filter(state => state === 'begun')).toHaveLength(1)
        expect(states.filter(state => state === 'busy')).toHaveLength(3)
      }
      const store = sqliteMetadata({ path })
      expect(await store.references({ registry }, {})).toEqual({ records: 0, intents: 20, tasks: 0 })
      await store.close()
    })
  })
})

describe('a disk that is full', () => {
  it('loses nothing that was acknowledged and breaks no chain', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      const { acknowledged, code, effect } = (await childWithFileLimit(1024, 'fill', path)) as {
        acknowledged: string[]
        code: string
        effect: string
      }
      expect(acknowledged.length).toBeGreaterThan(5)
      expect(['quota_exceeded', 'unavailable']).toContain(code)
      // It was the commit that failed: what the log holds of it is for the next opening to find out.
      expect(effect).toBe('unknown')
      const store = sqliteMetadata({ path })
      for (const id of acknowledged) expect(await store.find({ registry, account, id: secretId(id) }, {})).toBeDefined()
      const { total } = await store.page(
        { registry, account, limit: 1, sortBy: 'key', sortOrder: 'asc', startingAfter: undefined, endingBefore: undefined },
        {},
      )
      expect(total).toBe((await store.references({ registry }, {})).records)
      const entries = await store.readAudit({ registry, account, after: 0, limit: 10_000 }, {})
      expect(await verifyAudit(entries)).toMatchObject({ ok: true, entries: total })
      await store.close()
    })
  })
})
