import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { accountId, secretId, type AuditDraft, type MetadataStore } from '@strongroom/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { sqliteMetadata } from '../src/index.ts'
import { withFolder } from './folder.ts'

const entry = (n: number): AuditDraft => ({
  account: accountId('acme'),
  actor: { id: 'ada', type: 'user' },
  action: 'secret.describe',
  outcome: 'ok',
  secret: secretId(`s-${n}`),
})
const append = async (store: MetadataStore, n: number): Promise<void> => await store.appendAudit({ registry: 'main', entry: entry(n) }, {})
const written = (path: string): unknown => {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    return database.prepare('SELECT count(*) AS entries FROM audit').get()
  } finally {
    database.close()
  }
}

/** The real wait for the disk, with `around` about it. */
async function spied(path: string, around: (wait: () => Promise<void>) => Promise<void>) {
  const handle = await open(path, 'w')
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  const real = prototype.datasync
  return vi.spyOn(prototype, 'datasync').mockImplementation(async function (this: FileHandle) {
    await around(async () => await real.call(this))
  })
}

describe('the wait for the disk', () => {
  afterEach(() => void vi.restoreAllMocks())

  it('ends before a write is answered, holds up nothing else, and is one for all that came meanwhile', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'meta.db')
      const gate = Promise.withResolvers<void>()
      const datasync = await spied(join(folder, 'other'), async wait => {
        await gate.promise
        await wait()
      })
      const store = sqliteMetadata({ path })
      let answers = 0
      const first = append(store, 0).then(() => (answers += 1))
      await vi.waitFor(() => expect(datasync).toHaveBeenCalledTimes(1))
      expect(written(path)).toEqual({ entries: 1 })
      const others = [1, 2, 3].map(async n => await append(store, n).then(() => (answers += 1)))
      expect(await store.readAudit({ registry: 'main', account: accountId('acme'), after: 0, limit: 10 }, {})).toHaveLength(1)
      expect(answers).toBe(0)
      gate.resolve()
      await Promise.all([first, ...others])
      expect(datasync).toHaveBeenCalledTimes(2)
      await store.close()
    })
  })

  it('that fails leaves it unknown whether the write will last, and the next one is tried anew', async () => {
    await withFolder(async folder => {
      let failing = true
      await spied(join(folder, 'other'), async wait => {
        if (failing) throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
        await wait()
      })
      const store = sqliteMetadata({ path: join(folder, 'meta.db') })
      const failed = await Promise.allSettled([append(store, 0), append(store, 1)])
      expect(failed).toMatchObject(
        [0, 1].map(() => ({ reason: { code: 'unavailable', effect: 'unknown', retryable: true, operation: 'metadata.appendAudit' } })),
      )
      failing = false
      await append(store, 2)
      await store.close()
    })
  })
})
