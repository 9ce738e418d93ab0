import { createSecretRegistry, memoryDriver, memoryMetadata, unsafeAllowEveryone } from '@strongroom/core'
import { createSecretsApp, unsafeAnyone } from '../../src/index.ts'

/** The text of openapi.json: the document of an app without flags. */
export async function generatedDocument(): Promise<string> {
  const parts = { metadata: memoryMetadata(), stores: { main: memoryDriver() }, writeTo: 'main', authorize: unsafeAllowEveryone }
  await using registry = await createSecretRegistry({ id: 'document', ...parts })
  return `${JSON.stringify(createSecretsApp(registry, { authenticate: unsafeAnyone }).document(), null, 2)}\n`
}
