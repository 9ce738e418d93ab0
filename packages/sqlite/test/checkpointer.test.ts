import { execFile } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { accountId, type AuditDraft, type MetadataStore } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { sqliteMetadata } from '../src/index.ts'
import { withFolder } from './folder.ts'

const run = promisify(execFile)
const MEBIBYTE = 1_048_576

const entry: AuditDraft = { account: accountId('acme'), actor: { id: 'ada', type: 'user' }, action: 'secret.list', outcome: 'ok' }

/** Each writer appends one entry after the other, each in a commit of its own or with what comes at the same time. */
async function append(store: MetadataStore, each: number, writers = 1): Promise<void> {
  const write = async (): Promise<void> => {
    for (let n = 0; n < each; n += 1) await store.appendAudit({ registry: 'main', entry }, {})
  }
  await Promise.all(Array.from({ length: writers }, write))
}

/** The same in a process of its own, which then ends by itself, or would not. */
async function appendElsewhere(path: string, each: number, flags: readonly string[] = []): Promise<string> {
  const script = `
    import { sqliteMetadata } from '@strongroom/sqlite'
    const store = sqliteMetadata({ path: ${JSON.stringify(path)} })
    const entry = ${JSON.stringify(entry)}
    for (let n = 0; n < ${each}; n += 1) await store.appendAudit({ registry: 'main', entry }, {})
    const { statSync } = await import('node:fs')
    console.log(statSync(${JSON.stringify(`${path}-wal`)}).size)`
  const args = [...flags, '--conditions=@strongroom/source', '--input-type=module', '--eval', script]
  const { stdout } = await run(process.execPath, args, { cwd: import.meta.dirname, timeout: 60_000 })
  return stdout
}

describe('the log', () => {
  it('is copied into the database while writers never pause, and begun anew', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'meta.db')
      const store = sqliteMetadata({ path })
      await append(store, 1)
      const before = statSync(path).size
      await append(store, 1500, 8)
      // All that was written would be some 25 MB of log.
      expect(statSync(path).size).toBeGreaterThan(before + MEBIBYTE)
      expect(statSync(`${path}-wal`).size).toBeLessThan(12 * MEBIBYTE)
      await store.close()
      expect(existsSync(`${path}-wal`)).toBe(false)
      const again = sqliteMetadata({ path })
      const [last] = await again.readAudit({ registry: 'main', account: entry.account, after: 12_000, limit: 10 }, {})
      expect(last?.sequence).toBe(12_001)
      await again.close()
    })
  })

  it('is copied beside a store that closes, and by the next one', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'meta.db')
      for (let round = 0; round < 5; round += 1) {
        const store = sqliteMetadata({ path })
        await append(store, 199 + round)
        await store.close()
        expect(existsSync(`${path}-wal`)).toBe(false)
      }
    })
  })

  it('keeps no process alive', async () => {
    await withFolder(async folder => expect(Number(await appendElsewhere(join(folder, 'meta.db'), 700))).toBeGreaterThan(0))
  })

  it('is copied by who commits where no thread can be had', async () => {
    await withFolder(async folder => {
      const flags = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*']
      const size = Number(await appendElsewhere(join(folder, 'meta.db'), 3000, flags))
      expect(size).toBeGreaterThan(0)
      expect(size).toBeLessThan(7 * MEBIBYTE)
    })
  })
})
