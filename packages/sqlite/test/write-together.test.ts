import { accountId, secretId, type NativePath } from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'
import { temporaryFolder } from '@strongroom/testbed'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'

const account = accountId('acc-1')
const actor = { id: 'ada', type: 'user' } as const
const create = (n: number, key: string = `key-${n}`, leaseMs: number = 1000) => ({
  registry: 'main',
  account,
  secret: secretId(`secret-${n}`),
  key,
  description: null,
  actor,
  store: 'main',
  path: `path-${n}` as NativePath,
  token: `token-${n}`,
  leaseMs,
})

it('writes that are asked for at once are one transaction, in which each stands or falls by itself', async () => {
  const { path: folder, remove } = await temporaryFolder()
  const path = join(folder, 'meta.db')
  const store = sqliteMetadata({ path })
  try {
    await store.beginCreate(create(0), {})
    const stopped = new AbortController()
    const calls = [
      store.beginCreate(create(1), {}),
      store.beginCreate(create(2, 'key-1'), {}), // another has the key by then
      store.beginCreate(create(3, 'key-3', -1), {}),
      store.beginCreate(create(4), { signal: stopped.signal }),
      store.beginCreate(create(5), {}),
    ]
    stopped.abort()
    const settled = await Promise.allSettled(calls)
    expect(settled.map(one => (one.status === 'fulfilled' ? one.value.state : (one.reason as { code: string }).code))).toEqual([
      'begun',
      'busy',
      'invalid_argument',
      'aborted',
      'begun',
    ])
    expect(settled[2]).toMatchObject({ reason: { operation: 'metadata.beginCreate', effect: 'none' } })
    // What another connection sees.
    const reader = new DatabaseSync(path, { readOnly: true })
    expect(reader.prepare('SELECT key FROM intents ORDER BY key').all()).toEqual([{ key: 'key-0' }, { key: 'key-1' }, { key: 'key-5' }])
    reader.close()
  } finally {
    await store.close()
    remove()
  }
})

it('one whose database is locked takes no other with it, and none is lost', async () => {
  const { path: folder, remove } = await temporaryFolder()
  const path = join(folder, 'meta.db')
  const store = sqliteMetadata({ path, busyTimeoutMs: 0 })
  try {
    await store.beginCreate(create(0), {})
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const calls = [1, 2, 3].map(n => store.beginCreate(create(n), {}))
    const settled = await Promise.allSettled(calls)
    expect(settled.map(one => one.status === 'rejected' && (one.reason as { code: string; effect: string }))).toMatchObject(
      [1, 2, 3].map(() => ({ code: 'unavailable', effect: 'none' })),
    )
    other.exec('ROLLBACK')
    other.close()
    expect((await Promise.all([1, 2, 3].map(n => store.beginCreate(create(n), {})))).map(({ state }) => state)).toEqual(['begun', 'begun', 'begun'])
  } finally {
    await store.close()
    remove()
  }
})
