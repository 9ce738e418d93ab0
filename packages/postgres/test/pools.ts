import type { PostgresClient, PostgresPool, PostgresQuery } from '@strongroom/postgres'

/** A pool whose clients send another query in the place of each, or do something before it. */
export function withQueries(
  pool: PostgresPool,
  change: (query: PostgresQuery, client: PostgresClient) => PostgresQuery | Promise<PostgresQuery>,
): PostgresPool {
  return {
    async connect() {
      const client = await pool.connect()
      return {
        query: async query => await client.query(await change(query, client)),
        release: destroy => client.release(destroy),
        on: (event, listener) => client.on(event, listener),
        removeListener: (event, listener) => client.removeListener(event, listener),
      }
    },
  }
}
