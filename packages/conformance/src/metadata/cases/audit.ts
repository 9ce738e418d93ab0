import { rejectionOf } from '../../expect.ts'
import { equal, includes, expectRefused } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { randomUUID } from 'node:crypto'
import { AUDIT_GENESIS, verifyAudit, type AuditDraft } from '@strongroom/core'
import { ACCOUNT, ALICE, OTHER_ACCOUNT, OTHER_REGISTRY, REGISTRY, ROBOT } from '../world.ts'

export const audit: readonly MetadataCase[] = [
  {
    id: 'audit/changes-are-chained',
    title: 'chains every change of an account',
    async run(world) {
      const record = await world.create({ key: 'one' })
      world.wait(1)
      await world.create({ account: OTHER_ACCOUNT })
      await world.describe(record, 'x')
      await world.abandon(await world.beginUpdate(record))
      const update = await world.beginUpdate(record)
      await world.commitUpdate(update)
      await world.delete(record)
      const entries = await world.audit()
      equal(await verifyAudit(entries), { ok: true, entries: 5, lastHash: entries.at(-1)?.hash })
      equal(
        entries.map(({ action, outcome, code, actor }) => [action, outcome, code, actor]),
        [
          ['secret.create', 'ok', undefined, ALICE],
          ['secret.update', 'ok', undefined, ROBOT],
          ['secret.update', 'failed', 'deadline_exceeded', ROBOT],
          ['secret.update', 'ok', undefined, ROBOT],
          ['secret.delete', 'ok', undefined, ROBOT],
        ],
      )
      includes(entries[0], { sequence: 1, at: new Date(world.now - 1), previousHash: AUDIT_GENESIS })
      includes(entries[3], { secret: record.id, key: 'one', operationId: update.token, account: ACCOUNT })
      const others = await world.audit(OTHER_ACCOUNT)
      includes(await verifyAudit(others), { ok: true, entries: 1 })
      equal(await world.audit(ACCOUNT, OTHER_REGISTRY), [])
    },
  },
  {
    id: 'audit/operation-ids-append-once',
    title: 'appends entries, each once when it has an operation id',
    async run(world) {
      const append = (entry: AuditDraft) => world.store.appendAudit({ registry: REGISTRY, entry }, {})
      const denied: AuditDraft = {
        account: ACCOUNT,
        actor: ALICE,
        action: 'secret.read_value',
        outcome: 'denied',
        code: 'permission_denied',
        key: 'ключ',
      }
      await append(denied)
      await append(denied)
      const unsure: AuditDraft = {
        account: ACCOUNT,
        actor: ALICE,
        action: 'secret.update',
        outcome: 'unknown',
        code: 'unavailable',
        operationId: randomUUID(),
      }
      await append(unsure)
      await append(unsure)
      await append({ ...unsure, outcome: 'failed' })
      const entries = await world.audit()
      equal(
        entries.map(({ outcome }) => outcome),
        ['denied', 'denied', 'unknown', 'failed'],
      )
      includes(entries[0], { ...denied, secret: undefined, operationId: undefined })
      includes(await verifyAudit(entries), { ok: true, entries: 4 })
    },
  },
  {
    id: 'audit/only-ok-ends-an-operation',
    title: 'does not take an entry that is not ok for the end of an operation',
    async run(world) {
      const intent = await world.begin()
      const entry: AuditDraft = {
        account: ACCOUNT,
        actor: ALICE,
        action: 'secret.create',
        outcome: 'unknown',
        secret: intent.secret,
        operationId: intent.token,
      }
      await world.store.appendAudit({ registry: REGISTRY, entry }, {})
      await world.abandon(intent)
      equal(await world.commitCreate(intent), { state: 'undone' })
    },
  },
  {
    id: 'audit/reads-from-a-sequence',
    title: 'reads from a sequence on, a limited number',
    async run(world) {
      for (const key of ['a', 'b', 'c', 'd', 'e']) await world.create({ key })
      const read = (after: number, limit: number) => world.store.readAudit({ registry: REGISTRY, account: ACCOUNT, after, limit }, {})
      equal(
        (await read(1, 2)).map(({ sequence, key }) => [sequence, key]),
        [
          [2, 'b'],
          [3, 'c'],
        ],
      )
      equal((await read(4, 9)).length, 1)
      equal(await read(5, 9), [])
      await expectRefused(read(0, 0), 'invalid_argument')
    },
  },
  {
    id: 'audit/aborted-before-it-started',
    title: 'does nothing for a call that was aborted before it started',
    async run(world) {
      const call = { signal: AbortSignal.abort() }
      includes(await rejectionOf(world.store.beginCreate(world.createRequest(), call)), {
        code: 'aborted',
        effect: 'none',
        operation: 'metadata.beginCreate',
      })
      await expectRefused(
        world.store.appendAudit({ registry: REGISTRY, entry: { account: ACCOUNT, actor: ALICE, action: 'audit.read', outcome: 'ok' } }, call),
        'aborted',
      )
      equal(await world.references(), { records: 0, intents: 0, tasks: 0 })
      equal(await world.audit(), [])
    },
  },
  {
    id: 'audit/closed-for-good',
    title: 'is closed once and for all',
    async run(world) {
      await world.create()
      await world.store.close()
      await world.store.close()
      await expectRefused(world.references(), 'closed')
      await expectRefused(world.store.beginCreate(world.createRequest(), { signal: AbortSignal.abort() }), 'closed')
    },
  },
]
