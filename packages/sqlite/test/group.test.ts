import { join } from 'node:path'
import { accountId, secretId, verifyAudit, type AuditDraft, type MetadataStore } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { sqliteMetadata } from '../src/index.ts'
import { withFolder } from './folder.ts'

const REGISTRY = 'group'
const ACCOUNT = accountId('acme')
const entry = (secret: string, more: Partial<AuditDraft> = {}): AuditDraft => ({
  account: ACCOUNT,
  actor: { id: 'ada', type: 'user' },
  action: 'secret.describe',
  outcome: 'ok',
  secret: secretId(secret),
  ...more,
})
const append = async (store: MetadataStore, draft: AuditDraft, signal?: AbortSignal): Promise<void> =>
  await store.appendAudit({ registry: REGISTRY, entry: draft }, { signal })
const trail = async (store: MetadataStore) => await store.readAudit({ registry: REGISTRY, account: ACCOUNT, after: 0, limit: 1000 }, {})

describe('entries of the audit trail that wait at once', () => {
  it('are written together, each once, in their order, with a chain that holds', async () => {
    await withFolder(async folder => {
      let now = 0
      const store = sqliteMetadata({ path: join(folder, 'meta.db'), clock: () => new Date((now += 1)) })
      await Promise.all(Array.from({ length: 100 }, async (_, n) => await append(store, entry(`s-${n}`))))
      await append(store, entry('alone'))
      const entries = await trail(store)
      expect(entries.map(({ secret }) => secret)).toEqual([...Array.from({ length: 100 }, (_, n) => `s-${n}`), 'alone'])
      // The clock goes on at each transaction.
      expect(new Set(entries.slice(0, 100).map(({ at }) => at.getTime())).size).toBe(1)
      expect(entries[100]?.at).not.toEqual(entries[0]?.at)
      expect(await verifyAudit(entries)).toMatchObject({ ok: true })
      await store.close()
    })
  })

  it('fail alone: what one cannot be written with does not take the others with it', async () => {
    await withFolder(async folder => {
      const store = sqliteMetadata({ path: join(folder, 'meta.db') })
      const aborted = AbortSignal.abort()
      const outcomes = await Promise.allSettled([
        append(store, entry('a')),
        append(store, entry('b', { key: {} as never })),
        append(store, entry('c')),
        append(store, entry('d'), aborted),
        append(store, entry('e')),
      ])
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
      expect(outcomes[3]).toMatchObject({ reason: { code: 'aborted', effect: 'none' } })
      const entries = await trail(store)
      expect(entries.map(({ secret }) => secret)).toEqual(['a', 'c', 'e'])
      expect(await verifyAudit(entries)).toMatchObject({ ok: true })
      await store.close()
    })
  })

  it('are refused once the store is closed, and none is left unanswered', async () => {
    await withFolder(async folder => {
      const store = sqliteMetadata({ path: join(folder, 'meta.db') })
      await append(store, entry('before'))
      const waiting = Promise.allSettled([append(store, entry('a')), append(store, entry('b'))])
      await store.close()
      expect((await waiting).map(outcome => outcome.status === 'rejected' && (outcome.reason as { readonly code: string }).code)).toEqual([
        'closed',
        'closed',
      ])
      await expect(append(store, entry('c'))).rejects.toMatchObject({ code: 'closed' })
    })
  })
})
