import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { REGISTRY } from '@strongroom/conformance/metadata'
import { freePort } from '@strongroom/testbed'
import { postgresMetadata, type PostgresClient } from '@strongroom/postgres'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { firstCall, thrownBy, urlWith, useDatabase } from './database.ts'

const database = useDatabase()
const unavailable = { kind: 'strongroom.secret-error', code: 'unavailable', retryable: true, effect: 'none' }
const misconfigured = { kind: 'strongroom.secret-error', code: 'misconfigured', retryable: false, effect: 'none' }

describe('a database that does not let us in', () => {
  const at = (change: (url: URL) => void): string => urlWith(database.url, change)
  const SECRET = 'Hunter2-confidential'

  it('is misconfigured, and no error has the password', async () => {
    const { hostname: host, port } = new URL(database.url)
    const errors = [
      await firstCall({ connectionString: at(url => (url.password = SECRET)) }),
      await firstCall({ connection: { host, port: Number(port), user: 'postgres', database: 'postgres', password: () => SECRET } }),
      await firstCall({ connectionString: at(url => (url.username = `nobody-${SECRET}`)) }),
      await firstCall({ connectionString: at(url => (url.pathname = `/${SECRET}`)) }),
      await firstCall({ connectionString: at(url => (url.search = '?sslmode=verify-full')) }),
      await firstCall({ connectionString: at(url => (url.search = `?sslmode=verify-full&sslrootcert=/nowhere/${SECRET}`)) }),
    ]
    for (const error of errors) {
      expect(error).toMatchObject({ ...misconfigured, operation: 'metadata.references' })
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SECRET)
      expect(error).not.toHaveProperty('cause')
    }
  })

  it('is misconfigured when it takes users by TLS alone', async context => {
    if (!database.isOurs) context.skip('the configuration of a server that is not ours is not changed')
    const { rows } = await database.admin.query<{ hba_file: string }>('SHOW hba_file')
    const file = rows[0]?.hba_file ?? ''
    const { rows: old } = await database.admin.query<{ text: string }>('SELECT pg_read_file($1) AS text', [file])
    const write = async (text: string): Promise<void> => {
      const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
      const values = lines.map(line => `(${pg.escapeLiteral(line)})`).join(', ')
      await database.admin.query(`COPY (SELECT * FROM (VALUES ${values}) AS lines) TO ${pg.escapeLiteral(file)}`)
      await database.admin.query('SELECT pg_reload_conf()')
    }
    const secured = at(url => {
      url.username = 'secured'
      url.password = SECRET
    })
    await database.admin.query(`CREATE ROLE secured LOGIN PASSWORD '${SECRET}'`)
    await write(`hostssl all secured all scram-sha-256\nhost all secured all reject\n${old[0]?.text ?? ''}`)
    try {
      let error = await firstCall({ connectionString: secured })
      // The server reads its file anew when it gets round to it.
      for (let tries = 0; tries < 50 && !inspect(error).includes('TLS'); tries += 1) {
        await new Promise(resolve => setTimeout(resolve, 50))
        error = await firstCall({ connectionString: secured })
      }
      expect(error).toMatchObject({ ...misconfigured, hint: expect.stringContaining('TLS') as unknown })
      expect(inspect(error)).not.toContain(SECRET)
    } finally {
      await write(old[0]?.text ?? '')
      await database.admin.query('DROP ROLE secured')
    }
  })

  it('is unavailable when nobody listens, and is asked again by the next call', async () => {
    const port = await freePort()
    const schema = database.newSchema()
    const store = postgresMetadata({ connectionString: at(url => (url.port = String(port))), schema, connectTimeoutMs: 5000 })
    expect(await thrownBy(store.references({ registry: REGISTRY }, {}))).toMatchObject(unavailable)
    const upstream = new URL(database.url)
    const late = createServer(client => {
      const onward = connect(Number(upstream.port), upstream.hostname)
      client.on('error', () => {}).pipe(onward)
      onward.on('error', () => {}).pipe(client)
    }).listen(port, '127.0.0.1')
    await once(late, 'listening')
    expect(await store.references({ registry: REGISTRY }, {})).toEqual({ records: 0, intents: 0, tasks: 0 })
    await store.close()
    late.close()
  })

  it('is unavailable when it listens and says nothing', async () => {
    const silent = createServer(client => client.on('error', () => {})).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const port = String((silent.address() as AddressInfo).port)
    const error = await firstCall({ connectionString: at(url => (url.port = port)), connectTimeoutMs: 200 })
    expect(error).toMatchObject(unavailable)
    silent.close()
  })

  it("is unavailable when a caller's pool, which waits without end, has no connection", async () => {
    let released = 0
    const { promise, resolve } = Promise.withResolvers<PostgresClient>()
    const store = postgresMetadata({ pool: { connect: () => promise }, statementTimeoutMs: 1 })
    await expect(store.references({ registry: REGISTRY }, {})).rejects.toMatchObject(unavailable)
    // The one that comes after all goes back.
    resolve({ release: () => void (released += 1) } as PostgresClient)
    await store.close()
    expect(released).toBeGreaterThan(0)
  }, 60_000)
})
