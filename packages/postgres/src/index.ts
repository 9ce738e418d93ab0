export { postgresMetadata, postgresSchema } from './postgres-metadata.ts'
export type { PostgresSchema } from './open.ts'
export type { PostgresConnectionOptions, PostgresMetadataOptions } from './options.ts'
export type { PostgresAnswer, PostgresClient, PostgresPool, PostgresQuery } from './pool.ts'
