export { sqliteMetadata, type SqliteMetadataOptions } from './sqlite-metadata.ts'
