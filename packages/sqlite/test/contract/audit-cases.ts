import { randomUUID } from 'node:crypto'
import { AUDIT_GENESIS, verifyAudit, type AuditDraft } from '@strongroom/core'
import { expect, it } from 'vitest'
import { ACCOUNT, ALICE, expectRefused, OTHER_ACCOUNT, OTHER_REGISTRY, REGISTRY, ROBOT, type World } from './world.ts'

export function auditCases(use: () => World): void {
  it('chains every change of an account', async () => {
    const world = use()
    const record = await world.create({ key: 'one' })
    world.wait(1)
    await world.create({ account: OTHER_ACCOUNT })
    await world.describe(record, 'x')
    await world.abandon(await world.beginUpdate(record))
    const update = await world.beginUpdate(record)
    await world.commitUpdate(update)
    await world.delete(record)
    const entries = await world.audit()
    expect(await verifyAudit(entries)).toEqual({ ok: true, entries: 5, lastHash: entries.at(-1)?.hash })
    expect(entries.map(({ action, outcome, code, actor }) => [action, outcome, code, actor])).toEqual([
      ['secret.create', 'ok', undefined, ALICE],
      ['secret.update', 'ok', undefined, ROBOT],
      ['secret.update', 'failed', 'deadline_exceeded', ROBOT],
      ['secret.update', 'ok', undefined, ROBOT],
      ['secret.delete', 'ok', undefined, ROBOT],
    ])
    expect(entries[0]).toMatchObject({ sequence: 1, at: new Date(world.now - 1), previousHash: AUDIT_GENESIS })
    expect(entries[3]).toMatchObject({ secret: record.id, key: 'one', operationId: update.token, account: ACCOUNT })
    const others = await world.audit(OTHER_ACCOUNT)
    expect(await verifyAudit(others)).toMatchObject({ ok: true, entries: 1 })
    expect(await world.audit(ACCOUNT, OTHER_REGISTRY)).toEqual([])
  })

  it('appends entries, each once when it has an operation id', async () => {
    const world = use()
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
    expect(entries.map(({ outcome }) => outcome)).toEqual(['denied', 'denied', 'unknown', 'failed'])
    expect(entries[0]).toMatchObject({ ...denied, secret: undefined, operationId: undefined })
    expect(await verifyAudit(entries)).toMatchObject({ ok: true, entries: 4 })
  })

  it('does not take an entry that is not ok for the end of an operation', async () => {
    const world = use()
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
    expect(await world.commitCreate(intent)).toEqual({ state: 'undone' })
  })

  it('reads from a sequence on, a limited number', async () => {
    const world = use()
    for (const key of ['a', 'b', 'c', 'd', 'e']) await world.create({ key })
    const read = (after: number, limit: number) => world.store.readAudit({ registry: REGISTRY, account: ACCOUNT, after, limit }, {})
    expect((await read(1, 2)).map(({ sequence, key }) => [sequence, key])).toEqual([
      [2, 'b'],
      [3, 'c'],
    ])
    expect(await read(4, 9)).toHaveLength(1)
    expect(await read(5, 9)).toEqual([])
    await expectRefused(read(0, 0), 'invalid_argument')
  })

  it('does nothing for a call that was aborted before it started', async () => {
    const world = use()
    const call = { signal: AbortSignal.abort() }
    await expect(world.store.beginCreate(world.createRequest(), call)).rejects.toMatchObject({
      code: 'aborted',
      effect: 'none',
      operation: 'metadata.beginCreate',
    })
    await expectRefused(
      world.store.appendAudit({ registry: REGISTRY, entry: { account: ACCOUNT, actor: ALICE, action: 'audit.read', outcome: 'ok' } }, call),
      'aborted',
    )
    expect(await world.references()).toEqual({ records: 0, intents: 0, tasks: 0 })
    expect(await world.audit()).toEqual([])
  })

  it('is closed once and for all', async () => {
    const world = use()
    await world.create()
    await world.store.close()
    await world.store.close()
    await expectRefused(world.references(), 'closed')
    await expectRefused(world.store.beginCreate(world.createRequest(), { signal: AbortSignal.abort() }), 'closed')
  })
}
