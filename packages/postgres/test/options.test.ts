import { inspect } from 'node:util'
import { postgresMetadata, type PostgresMetadataOptions } from '@strongroom/postgres'
import { describe, expect, it } from 'vitest'

const place = { connectionString: 'postgres://user:Hunter2@127.0.0.1:1/db' }
const pool = { connect: () => Promise.reject(new Error('not asked')) }

function thrownBy(options: unknown): unknown {
  try {
    return postgresMetadata(options as PostgresMetadataOptions)
  } catch (error) {
    return error
  }
}

describe('options', () => {
  it.each([
    undefined,
    null,
    { ...place, other: 1 },
    { connectionString: '' },
    { connectionString: 'mysql://user:Hunter2@host/db' },
    { connectionString: 'postgres://user:Hunter2@ho st/db' },
    { connectionString: 7 },
    { connection: { host: '', password: 'Hunter2' } },
    { connection: { host: 'h', password: 7 } },
    { connection: { host: 'h', port: 0 } },
    { connection: { host: 'h', passwd: 'Hunter2' } },
    { connection: { ssl: 'yes' } },
    { connection: 'h' },
    { pool: {} },
    { pool: null },
    { pool: { connect: 'Hunter2' } },
    { ...place, schema: '' },
    { ...place, schema: 'a"; DROP SCHEMA public; --' },
    { ...place, schema: 'Upper' },
    { ...place, schema: '1a' },
    { ...place, schema: 'pg_mine' },
    { ...place, schema: 'information_schema' },
    { ...place, schema: 'a'.repeat(64) },
    { ...place, schema: 7 },
    { ...place, statementTimeoutMs: 0 },
    { ...place, statementTimeoutMs: 1.5 },
    { ...place, statementTimeoutMs: '5; DROP SCHEMA public' },
    { ...place, maxConnections: 0 },
    { ...place, connectTimeoutMs: -1 },
    { ...place, clock: new Date() },
  ])('are refused, and no error has a password: %j', options => {
    const error = thrownBy(options)
    expect(error).toMatchObject({ kind: 'strongroom.secret-error', code: 'invalid_argument', operation: 'postgresMetadata' })
    expect(inspect(error)).not.toContain('Hunter2')
  })

  it.each([{}, { schema: 'a' }, { ...place, pool }, { connection: {}, pool }, { pool, maxConnections: 3 }, { pool, connectTimeoutMs: 3 }])(
    'that exclude each other, or say no place, are misconfigured: %j',
    options => {
      expect(thrownBy(options)).toMatchObject({ kind: 'strongroom.secret-error', code: 'misconfigured', operation: 'postgresMetadata' })
    },
  )

  it('are taken without a connection being made', async () => {
    const stores = [
      { ...place, schema: 'my_own_1', statementTimeoutMs: 1, maxConnections: 1, connectTimeoutMs: 1 },
      { connection: { host: 'h', port: 5432, database: 'd', user: 'u', password: () => 'p', ssl: { ca: 'x' } } },
      { connection: {} },
      { pool },
    ].map(options => postgresMetadata(options))
    for (const store of stores) {
      expect([store.specification, store.kind]).toEqual(['v1', 'postgres'])
      await store.close()
      await expect(store.references({ registry: 'r' }, {})).rejects.toMatchObject({ code: 'closed' })
    }
  })
})
