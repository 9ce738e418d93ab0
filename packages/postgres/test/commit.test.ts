import { randomUUID } from 'node:crypto'
import { verifyAudit } from '@strongroom/core'
import { ACCOUNT, REGISTRY, type World } from '@strongroom/conformance/metadata'
import { describe, expect, it } from 'vitest'
import type { PostgresMetadataOptions } from '@strongroom/postgres'
import { backendOf, thrownBy, useDatabase } from './database.ts'
import { startProxy, type Cut, type Proxy } from './proxy.ts'

const database = useDatabase()
const unclear = { kind: 'strongroom.secret-error', code: 'unavailable', retryable: true, effect: 'unknown' }

/** A store behind a proxy that loses COMMITs as it is told to. */
async function withProxy(body: (world: World, proxy: Proxy) => Promise<void>, more: Partial<PostgresMetadataOptions> = {}): Promise<void> {
  const proxy = await startProxy(database.url)
  try {
    const place = { connectionString: proxy.url, maxConnections: 2, ...more }
    await database.withWorld(async world => {
      try {
        await body(world, proxy)
      } finally {
        proxy.cut = 'never'
      }
    }, place)
  } finally {
    await proxy.close()
  }
}

/** Does the work while COMMITs are lost. @returns what it throws */
async function lost(proxy: Proxy, cut: Cut, work: () => Promise<unknown>): Promise<unknown> {
  const before = proxy.cuts
  proxy.cut = cut
  try {
    return await thrownBy(work())
  } finally {
    proxy.cut = 'never'
    expect(proxy.cuts).toBe(before + 1)
  }
}

describe.each(['after', 'before'] as const)('a connection that is lost %s the COMMIT reached the database', cut => {
  it('leaves the effect unknown, and the repeated begin answers the same or begins', async () => {
    await withProxy(async (world, proxy) => {
      await world.create()
      const request = world.createRequest()
      expect(await lost(proxy, cut, () => world.store.beginCreate(request, {}))).toMatchObject({ ...unclear, operation: 'metadata.beginCreate' })
      expect((await world.references()).intents).toBe(cut === 'after' ? 1 : 0)
      expect(await world.store.beginCreate(request, {})).toMatchObject({ state: 'begun', intent: { token: request.token } })
      expect((await world.references()).intents).toBe(1)
    })
  })

  it('leaves the effect unknown, and the repeated commit is made once', async () => {
    await withProxy(async (world, proxy) => {
      const intent = await world.begin()
      const task = { task: 'watch_path', store: 'main', path: intent.path } as const
      expect(await lost(proxy, cut, () => world.commitCreate(intent, [task]))).toMatchObject(unclear)
      expect((await world.find(intent.secret)) === undefined).toBe(cut === 'before')
      expect(await world.commitCreate(intent, [task])).toMatchObject({ state: 'committed', record: { id: intent.secret, revision: 1 } })
      expect(await world.references()).toEqual({ records: 1, intents: 0, tasks: 1 })
      expect(await verifyAudit(await world.audit())).toMatchObject({ ok: true, entries: 1 })
    })
  })

  it('leaves the effect unknown, and the repeated delete, settlement and entry are made once', async () => {
    await withProxy(async (world, proxy) => {
      const record = await world.create()
      const token = randomUUID()
      expect(await lost(proxy, cut, () => world.delete(record, { token }))).toMatchObject(unclear)
      expect((await world.delete(record, { token })).state).toBe('done')
      const [task] = await world.enqueue({ task: 'watch_path', store: 'main', path: world.createRequest().path, claimMs: 60_000 })
      if (task === undefined) throw new Error('not claimed')
      expect(await lost(proxy, cut, () => world.settle(task, { state: 'done' }))).toMatchObject(unclear)
      expect(await world.settle(task, { state: 'done' })).toBe(true)
      expect((await world.references()).tasks).toBe(1)
      const entry = { account: ACCOUNT, actor: { id: 'a', type: 'user' }, action: 'audit.read', outcome: 'ok', operationId: token } as const
      expect(await lost(proxy, cut, () => world.store.appendAudit({ registry: REGISTRY, entry }, {}))).toMatchObject(unclear)
      await world.store.appendAudit({ registry: REGISTRY, entry }, {})
      expect((await world.audit()).filter(({ action }) => action === 'audit.read')).toHaveLength(1)
      expect(await verifyAudit(await world.audit())).toMatchObject({ ok: true })
    })
  })

  it('is no doubt about a read', async () => {
    await withProxy(async (world, proxy) => {
      const record = await world.create()
      expect(await lost(proxy, cut, () => world.find(record.id))).toMatchObject({ code: 'unavailable', retryable: true, effect: 'none' })
    })
  })
})

describe('a COMMIT that is under way', () => {
  it('is aborted with the effect unknown, and its connection is not used again', async () => {
    await withProxy(async (world, proxy) => {
      const intent = await world.begin()
      const controller = new AbortController()
      const { id, account, token } = intent
      const request = { registry: REGISTRY, intent: id, account, token, version: 'v1' as never, fullPath: 'full', enqueue: [] }
      const aborted = await lost(proxy, 'silent', async () => {
        const commit = world.store.commitCreate(request, { signal: controller.signal })
        while (proxy.cuts === 0) await new Promise(resolve => setTimeout(resolve, 5))
        controller.abort()
        return await commit
      })
      expect(aborted).toMatchObject({ code: 'aborted', effect: 'unknown', operation: 'metadata.commitCreate' })
      expect(await world.commitCreate(intent)).toMatchObject({ state: 'committed', record: { id: intent.secret } })
      expect((await world.audit()).length).toBe(1)
    })
  })

  it('is unavailable with the effect unknown when no answer comes at all', async () => {
    await withProxy(
      async (world, proxy) => {
        const intent = await world.begin()
        expect(await lost(proxy, 'silent', () => world.commitCreate(intent))).toMatchObject(unclear)
        expect(await world.commitCreate(intent)).toMatchObject({ state: 'committed', record: { id: intent.secret } })
      },
      { statementTimeoutMs: 3000 },
    )
  })

  it('is unavailable with the effect unknown when its backend is terminated', async () => {
    await database.withWorld(async (world, schema) => {
      const intent = await world.begin()
      await atCommit(schema, 'PERFORM pg_sleep(60)')
      const commit = thrownBy(world.commitCreate(intent))
      const backend = await backendOf(database, schema, "query = 'COMMIT' AND wait_event = 'PgSleep'")
      await database.admin.query('SELECT pg_terminate_backend($1)', [backend])
      expect(await commit).toMatchObject(unclear)
      await database.admin.query(`DROP TRIGGER at_commit ON "${schema}".records`)
      expect(await world.find(intent.secret)).toBeUndefined()
      expect(await world.commitCreate(intent)).toMatchObject({ state: 'committed' })
    })
  })

  it('is made again when the database has rolled it back', async () => {
    await database.withWorld(async (world, schema) => {
      const intent = await world.begin()
      // A sequence counts on whatever is rolled back.
      await database.admin.query(`CREATE SEQUENCE "${schema}".commits`)
      await atCommit(schema, `IF nextval(''"${schema}".commits'') = 1 THEN RAISE EXCEPTION SQLSTATE ''40001''; END IF`)
      expect(await world.commitCreate(intent)).toMatchObject({ state: 'committed', record: { revision: 1 } })
      expect((await database.admin.query(`SELECT last_value FROM "${schema}".commits`)).rows).toEqual([{ last_value: '2' }])
      expect(await world.references()).toEqual({ records: 1, intents: 0, tasks: 0 })
    })
  })

  it('is not in doubt when a constraint was against it', async () => {
    await database.withWorld(async (world, schema) => {
      const intent = await world.begin()
      await atCommit(schema, `RAISE EXCEPTION SQLSTATE ''23514''`)
      expect(await thrownBy(world.commitCreate(intent))).toMatchObject({ kind: 'strongroom.secret-error', retryable: false, effect: 'none' })
      expect(await world.references()).toEqual({ records: 0, intents: 1, tasks: 0 })
    })
  })

  it('is not sent once the call is aborted, and the connection is as good as it was', async () => {
    const controller = new AbortController()
    const pool = database.newPool({ max: 1 })
    const backend = async (): Promise<unknown> => (await pool.query('SELECT pg_backend_pid()')).rows
    let calls = 0
    // It is asked between two statements: by the begin, and by the commit.
    const clock = (): Date => {
      calls += 1
      if (calls === 2) controller.abort()
      return new Date()
    }
    await database.withWorld(
      async world => {
        const { id: intent, account, token } = await world.begin()
        const before = await backend()
        const request = { registry: REGISTRY, intent, account, token, version: 'v1' as never, fullPath: 'full', enqueue: [] }
        const commit = world.store.commitCreate(request, { signal: controller.signal })
        expect(await thrownBy(commit)).toMatchObject({ code: 'aborted', effect: 'none' })
        expect(await world.references()).toEqual({ records: 0, intents: 1, tasks: 0 })
        expect(await backend()).toEqual(before)
      },
      { pool, clock },
    )
  })
})

/** Has the database do something in a COMMIT that has made a record, before it is done. */
async function atCommit(schema: string, what: string): Promise<void> {
  await database.admin.query(`
    CREATE FUNCTION "${schema}".at_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN ${what}; RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON "${schema}".records DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION "${schema}".at_commit()`)
}
