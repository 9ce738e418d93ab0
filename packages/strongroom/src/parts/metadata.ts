import { memoryMetadata, type MetadataStore } from '@strongroom/core'
import type { PostgresMetadataOptions } from '@strongroom/postgres'
import { credentialOf, type Surroundings } from '../config/credentials.ts'
import { pathFrom } from '../config/read.ts'
import type { MetadataConfig } from '../config/schema.ts'
import { loadPackage } from './packages.ts'

/** The metadata store that a configuration names. Nothing is opened before its first call. @throws ConfigError */
export async function metadataOf(metadata: MetadataConfig, surroundings: Surroundings): Promise<MetadataStore> {
  const { source, folder } = surroundings
  switch (metadata.type) {
    case 'memory':
      return memoryMetadata()
    case 'sqlite': {
      const { sqliteMetadata } = await import('@strongroom/sqlite')
      const { path, busyTimeoutMs } = metadata
      return sqliteMetadata({ path: pathFrom(folder, path), ...(busyTimeoutMs !== undefined && { busyTimeoutMs }) })
    }
    case 'postgres': {
      const { postgresMetadata } = await loadPackage(source, 'metadata.type', '@strongroom/postgres', () => import('@strongroom/postgres'))
      return postgresMetadata(await postgresOptions(metadata, surroundings))
    }
  }
}

/** @throws ConfigError */
export async function postgresOptions(
  { type: _type, url, ...rest }: Extract<MetadataConfig, { readonly type: 'postgres' }>,
  surroundings: Surroundings,
): Promise<PostgresMetadataOptions> {
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as { readonly schema?: string }
  return url === undefined ? { ...given, connection: {} } : { ...given, connectionString: await credentialOf(surroundings, 'metadata.url', url) }
}
