import { homedir } from 'node:os'
import { join } from 'node:path'
import { isSecretError, memoryDriver, type SecretDriver } from '@strongroom/core'
import type { CustomStore } from '../config/check.ts'
import { credentialOf, warnIfOpen, type Surroundings } from '../config/credentials.ts'
import { ConfigError } from '../config/problems.ts'
import { pathFrom } from '../config/read.ts'
import type { Reference } from '../config/fields.ts'
import type { StoreConfig } from '../config/schema.ts'
import { loadPackage } from './packages.ts'

/** Makes drivers of a type that the configuration names and this package does not know. */
export type Schemes = Readonly<
  Record<string, (store: CustomStore, about: { readonly name: string; readonly folder: string }) => SecretDriver | Promise<SecretDriver>>
>

type Of<Type extends StoreConfig['type']> = Extract<StoreConfig, { readonly type: Type }>
/** How a store is called, and not how its driver is made. */
type Common = 'type' | 'prefix' | 'naming' | 'limits' | 'rate' | 'readOnly' | 'fallback'

/** The driver of a store. Its adapter's package is loaded here, its SDK by the first call. @throws ConfigError */
export async function driverOf(name: string, store: StoreConfig | CustomStore, surroundings: Surroundings, schemes: Schemes): Promise<SecretDriver> {
  const { source, folder } = surroundings
  const custom = Object.hasOwn(schemes, store.type) ? schemes[store.type] : undefined
  if (custom !== undefined) return await custom(store, { name, folder })
  const own = store as StoreConfig
  return await ownDriverOf(name, own, surroundings).catch((error: unknown) => {
    if (!isSecretError(error, 'invalid_argument', 'misconfigured')) throw error
    // An adapter knows more than the schema of what its fields may be; it names the field.
    throw new ConfigError(source, [{ path: `stores.${name}`, found: `what ${own.type} refuses`, allowed: error.hint ?? 'what its page says' }])
  })
}

async function ownDriverOf(name: string, own: StoreConfig, surroundings: Surroundings): Promise<SecretDriver> {
  const { source, folder, environment } = surroundings
  const given = new Given(surroundings, `stores.${name}`)
  const load = async <Module>(type: string, start: () => Promise<Module>): Promise<Module> =>
    await loadPackage(source, `stores.${name}.type`, `@strongroom/${type}`, start)
  switch (own.type) {
    case 'memory':
      return memoryDriver({ name: own.name ?? name })
    case 'local': {
      const { localDriver } = await load('local', () => import('@strongroom/local'))
      if (own.key !== undefined && 'file' in own.key) await given.keyFile('key', own.key.file)
      const key = own.key !== undefined && 'file' in own.key ? { file: pathFrom(folder, own.key.file) } : own.key
      return localDriver({ path: pathFrom(folder, own.path), key, environment })
    }
    case 'aws': {
      const { awsDriver } = await load('aws', () => import('@strongroom/aws'))
      return awsDriver(await awsOptions(ownFields(own), given))
    }
    case 'gcp': {
      const { gcpDriver } = await load('gcp', () => import('@strongroom/gcp'))
      return gcpDriver(await gcpOptions(ownFields(own), given, folder))
    }
    case 'azure': {
      const { azureDriver } = await load('azure', () => import('@strongroom/azure'))
      return azureDriver(await azureOptions(ownFields(own), given, folder))
    }
    case 'vault': {
      const { vaultDriver } = await load('vault', () => import('@strongroom/vault'))
      return vaultDriver(await vaultOptions(ownFields(own), given, folder))
    }
  }
}

function ownFields<Store extends StoreConfig>({
  type: _type,
  prefix: _prefix,
  naming: _naming,
  limits: _limits,
  rate: _rate,
  readOnly: _readOnly,
  fallback: _fallback,
  ...fields
}: Store): Omit<Store, Common> {
  return fields
}

/** The SDK asks again two minutes before the end that it is told of: so after one. */
const TOKEN_MS = 180_000

/** Credentials of one store. */
class Given {
  readonly #surroundings: Surroundings
  readonly #path: string

  constructor(surroundings: Surroundings, path: string) {
    this.#surroundings = surroundings
    this.#path = path
  }

  isSet(variable: string): boolean {
    return (this.#surroundings.environment[variable] ?? '') !== ''
  }

  async text(field: string, reference: Reference): Promise<string> {
    return await credentialOf(this.#surroundings, `${this.#path}.${field}`, reference)
  }

  /** What everyone may read, such as a certificate. */
  async open(field: string, reference: Reference): Promise<string> {
    return await credentialOf({ ...this.#surroundings, warn: () => {} }, `${this.#path}.${field}`, reference)
  }

  /** Asked for again whenever it is needed, since it may have changed; and once now, so that one that is missing is told at the start. */
  async renewed(field: string, reference: Reference): Promise<() => Promise<string>> {
    await this.text(field, reference)
    return () => this.text(field, reference)
  }

  /** A file that the adapter reads by itself: only looked at. One that is missing is the adapter's to tell. */
  async keyFile(field: string, file: string): Promise<void> {
    await warnIfOpen(this.#surroundings, `${this.#path}.${field}`, file).catch(() => {})
  }

  async json(field: string, reference: Reference): Promise<Readonly<Record<string, unknown>>> {
    try {
      return JSON.parse(await this.text(field, reference)) as Readonly<Record<string, unknown>>
    } catch (error) {
      if (error instanceof ConfigError) throw error
      throw new ConfigError(this.#surroundings.source, [{ path: `${this.#path}.${field}`, found: 'text that is not JSON', allowed: 'JSON' }])
    }
  }
}

async function awsOptions({ credentials, ...rest }: Omit<Of<'aws'>, Common>, given: Given) {
  if (credentials === undefined) return rest
  const read = async () => ({
    accessKeyId: await given.text('credentials.accessKeyId', credentials.accessKeyId),
    secretAccessKey: await given.text('credentials.secretAccessKey', credentials.secretAccessKey),
    ...(credentials.sessionToken && { sessionToken: await given.text('credentials.sessionToken', credentials.sessionToken) }),
  })
  await read()
  return { ...rest, credentials: read }
}

async function gcpOptions({ credentials, keyFile, accessToken, ...rest }: Omit<Of<'gcp'>, Common>, given: Given, folder: string) {
  const token = accessToken && (await given.renewed('accessToken', accessToken))
  if (keyFile !== undefined) await given.keyFile('keyFile', keyFile)
  return {
    ...rest,
    ...(token && { authClient: { getRequestHeaders: async () => new Headers({ authorization: `Bearer ${await token()}` }) } }),
    ...(keyFile !== undefined && { keyFile: pathFrom(folder, keyFile) }),
    ...(credentials && { credentials: await given.json('credentials', credentials) }),
  }
}

async function azureOptions({ credential = { kind: 'default' }, tls, ...rest }: Omit<Of<'azure'>, Common>, given: Given, folder: string) {
  return {
    ...rest,
    credential: await azureCredential(credential, given, folder),
    ...(tls && { tls: { ca: await given.open('tls.ca', tls.ca) } }),
  }
}

async function azureCredential(credential: NonNullable<Of<'azure'>['credential']>, given: Given, folder: string) {
  switch (credential.kind) {
    case 'client_secret':
      return { ...credential, clientSecret: await given.text('credential.clientSecret', credential.clientSecret) }
    case 'client_certificate':
      await given.keyFile('credential.certificatePath', credential.certificatePath)
      return { ...credential, certificatePath: pathFrom(folder, credential.certificatePath) }
    case 'workload_identity': {
      // Fields that are undefined are another thing to the SDK than fields that are not there.
      const { kind, tenantId, clientId, tokenFilePath } = credential
      return {
        kind,
        ...(tenantId && { tenantId }),
        ...(clientId && { clientId }),
        ...(tokenFilePath && { tokenFilePath: pathFrom(folder, tokenFilePath) }),
      }
    }
    case 'access_token': {
      const token = await given.renewed('credential.token', credential.token)
      return { getToken: async () => ({ token: await token(), expiresOnTimestamp: Date.now() + TOKEN_MS }) }
    }
    case 'managed_identity':
    case 'azure_cli':
    case 'default':
      return credential
  }
}

async function vaultOptions({ auth, tls, ...rest }: Omit<Of<'vault'>, Common>, given: Given, folder: string) {
  return { ...rest, auth: await vaultAuth(auth, given, folder), ...(tls && { tls: await vaultTls(tls, given) }) }
}

async function vaultAuth(auth: Of<'vault'>['auth'], given: Given, folder: string) {
  // As Vault's own command does.
  if (auth === undefined) {
    const own = { file: join(homeFolder(), '.vault-token') }
    return { method: 'token', token: await given.renewed('auth', given.isSet('VAULT_TOKEN') ? { env: 'VAULT_TOKEN' } : own) } as const
  }
  switch (auth.method) {
    case 'token':
      return { ...auth, token: await given.renewed('auth.token', auth.token) }
    case 'approle':
      return { ...auth, secretId: await given.renewed('auth.secretId', auth.secretId) }
    case 'jwt':
      return { ...auth, jwt: await given.renewed('auth.jwt', auth.jwt) }
    case 'kubernetes':
      return { ...auth, ...(auth.jwtFile && { jwtFile: pathFrom(folder, auth.jwtFile) }) }
  }
}

/** A user without a name may have none; then the message names what was looked for. */
function homeFolder(): string {
  try {
    return homedir()
  } catch {
    return '~'
  }
}

async function vaultTls(tls: NonNullable<Of<'vault'>['tls']>, given: Given) {
  const { ca, cert, key } = tls
  return {
    ...(ca && { ca: await given.open('tls.ca', ca) }),
    ...(cert && { cert: await given.open('tls.cert', cert) }),
    ...(key && { key: await given.text('tls.key', key) }),
  }
}
