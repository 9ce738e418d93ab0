export { postgresMetadata } from './postgres-metadata.ts'
export type { PostgresConnectionOptions, PostgresMetadataOptions } from './options.ts'
export type { PostgresAnswer, PostgresClient, PostgresPool, PostgresQuery } from './pool.ts'
