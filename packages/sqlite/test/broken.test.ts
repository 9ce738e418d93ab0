import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { accountId, secretId, type MetadataStore, type NativePath } from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'
import { afterEach, expect, it, vi } from 'vitest'
import { withFolder } from './folder.ts'

const REGISTRY = 'main'
const account = accountId('acc-1')
const actor = { id: 'ada', type: 'user' } as const

/** In the write that begins next the engine undoes all of it by itself before this statement, as it does where the disk is full. */
let undoesBefore: 'COMMIT' | 'ROLLBACK TO part' | undefined
let isNext = false
/** What every connection was asked for. */
const asked: string[] = []

afterEach(() => {
  undoesBefore = undefined
  asked.length = 0
  vi.restoreAllMocks()
})

it('what is read while a commit fails is answered, by the connection that takes the place of the broken one', async () => {
  await withFolder(async folder => {
    watchConnections()
    let refused: Promise<unknown> | undefined
    const reads: Promise<unknown>[] = []
    let during = (): void => {}
    const store = sqliteMetadata({
      path: join(folder, 'meta.db'),
      clock: () => {
        during()
        return new Date()
      },
    })
    const readAfter = async (turns: number): Promise<unknown> => {
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
      return await store.references({ registry: REGISTRY }, {})
    }
    try {
      await begin(store, 0)
      // Asked for while the first is written: the second has its turn at once afterwards, and one of the reads between its look and its commit.
      during = () => {
        during = () => {}
        undoBefore('COMMIT')
        refused = begin(store, 2).catch((error: unknown) => error)
        for (let turns = 0; turns < 30; turns += 1) reads.push(readAfter(turns))
      }
      await begin(store, 1)
      expect(await refused).toMatchObject({ kind: 'strongroom.secret-error', effect: 'unknown' })
      expect(await Promise.all(reads)).toMatchObject(reads.map(() => ({ intents: 2 })))
      expect(await begin(store, 3)).toMatchObject({ state: 'begun' })
    } finally {
      await store.close()
    }
  })
})

it('a commit that fails has failed for all who were in it, and none is told that nothing happened', async () => {
  await withFolder(async folder => {
    watchConnections()
    const store = sqliteMetadata({ path: join(folder, 'meta.db') })
    await begin(store, 0)
    undoBefore('COMMIT')
    const settled = await Promise.allSettled([1, 2, 3].map(async n => await begin(store, n)))
    expect(settled).toMatchObject([1, 2, 3].map(() => ({ reason: { kind: 'strongroom.secret-error', effect: 'unknown' } })))
    const again = await Promise.all([1, 2, 3].map(async n => await begin(store, n)))
    expect(again.map(({ state }) => state)).toEqual(['begun', 'begun', 'begun'])
    await store.close()
  })
})

it('one with which the engine undoes the writes of all takes none of them along', async () => {
  await withFolder(async folder => {
    watchConnections()
    const store = sqliteMetadata({ path: join(folder, 'meta.db') })
    await begin(store, 0)
    undoBefore('ROLLBACK TO part')
    const settled = await Promise.allSettled([begin(store, 1), begin(store, 2, -1), begin(store, 3)])
    expect(settled).toMatchObject([{ value: { state: 'begun' } }, { reason: { code: 'invalid_argument' } }, { value: { state: 'begun' } }])
    expect(await store.references({ registry: REGISTRY }, {})).toMatchObject({ intents: 3 })
    await store.close()
  })
})

it('a database that is locked is waited for once by all who wait together', async () => {
  await withFolder(async folder => {
    const path = join(folder, 'meta.db')
    const store = sqliteMetadata({ path, busyTimeoutMs: 0 })
    await begin(store, 0)
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    watchConnections()
    const settled = await Promise.allSettled([1, 2, 3].map(async n => await begin(store, n)))
    expect(settled).toMatchObject([1, 2, 3].map(() => ({ reason: { code: 'unavailable', effect: 'none', retryable: true } })))
    expect(asked.filter(sql => sql === 'BEGIN IMMEDIATE')).toHaveLength(1)
    other.close()
    await store.close()
  })
})

it('a store that is closed while calls wait for it leaves no file open', async context => {
  await withFolder(async folder => {
    const openFiles = (): readonly string[] =>
      readdirSync('/proc/self/fd').flatMap(fd => {
        try {
          const target = readlinkSync(`/proc/self/fd/${fd}`)
          return target.startsWith(folder) ? [target] : []
        } catch {
          return [] // the listing's own
        }
      })
    try {
      openFiles()
    } catch {
      context.skip('this system does not tell which files are open')
    }
    const store = sqliteMetadata({ path: join(folder, 'meta.db') })
    await begin(store, 0)
    expect(openFiles()).not.toEqual([])
    const waiting = Promise.allSettled([begin(store, 1), begin(store, 2), store.references({ registry: REGISTRY }, {})])
    await store.close()
    expect(await waiting).toMatchObject([1, 2, 3].map(() => ({ reason: { code: 'closed' } })))
    expect(openFiles()).toEqual([])
  })
})

async function begin(store: MetadataStore, n: number, leaseMs: number = 1000): ReturnType<MetadataStore['beginCreate']> {
  const secret = secretId(`secret-${n}`)
  const path = `path-${n}` as NativePath
  const request = {
    registry: REGISTRY,
    account,
    secret,
    key: `key-${n}`,
    description: null,
    actor,
    store: 'main',
    path,
    token: `token-${n}`,
    leaseMs,
  }
  return await store.beginCreate(request, {})
}

function undoBefore(statement: 'COMMIT' | 'ROLLBACK TO part'): void {
  undoesBefore = statement
  isNext = true
}

function watchConnections(): void {
  const exec = Object.getOwnPropertyDescriptor(DatabaseSync.prototype, 'exec')?.value as (this: DatabaseSync, sql: string) => void
  vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, sql: string) {
    asked.push(sql)
    if (sql === 'BEGIN IMMEDIATE') isNext = false
    if (sql === undoesBefore && !isNext) {
      undoesBefore = undefined
      exec.call(this, 'ROLLBACK')
    }
    exec.call(this, sql)
  })
}
