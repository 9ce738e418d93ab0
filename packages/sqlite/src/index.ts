export { sqliteSchema, type SqliteSchema } from './open.ts'
export { sqliteMetadata, type SqliteMetadataOptions } from './sqlite-metadata.ts'
