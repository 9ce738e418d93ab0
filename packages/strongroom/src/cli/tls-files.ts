import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { credentialOf, type Surroundings } from '../config/credentials.ts'
import type { HttpConfig } from '../config/http.ts'
import { ConfigError } from '../config/problems.ts'

export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

const CERT = 'http.tls.cert'
const KEY = 'http.tls.key'

/** Certificate and key, looked at before a client is there to find what is wrong with them. @throws ConfigError */
export async function tlsFilesOf({ cert, key }: NonNullable<HttpConfig['tls']>, surroundings: Surroundings): Promise<TlsFiles> {
  const files = { cert: await credentialOf(surroundings, CERT, cert), key: await credentialOf(surroundings, KEY, key) }
  const problem = (path: string, found: string, allowed: string): ConfigError => new ConfigError(surroundings.source, [{ path, found, allowed }])
  const certificate = certificateIn(files.cert)
  if (certificate === undefined) throw problem(CERT, 'no certificate in PEM', 'the server’s own certificate in PEM, and after it those of its chain')
  if (isEncrypted(files.key)) throw problem(KEY, 'a private key with a passphrase', 'one without, which this process alone may read')
  const privateKey = keyIn(files.key)
  if (privateKey === undefined) throw problem(KEY, 'no private key in PEM', 'the private key of the certificate, in PEM')
  if (!certificate.checkPrivateKey(privateKey)) {
    throw problem('http.tls', 'a certificate and the key of another', 'a certificate and its key; of a chain the server’s own comes first')
  }
  try {
    createSecureContext(files)
  } catch (error) {
    throw problem('http.tls', `what OpenSSL refuses${reasonOf(error)}`, 'a certificate, its chain and its key of a kind and size that are in use')
  }
  const message = outOfDate(certificate, new Date())
  if (message !== undefined) surroundings.warn(`${surroundings.source}: ${CERT}: ${message}`)
  return files
}

/** Undefined where there is none. */
function certificateIn(text: string): X509Certificate | undefined {
  try {
    return text.includes('-----BEGIN') ? new X509Certificate(text) : undefined
  } catch {
    // That it is none is all there is to say.
    return undefined
  }
}

/** Undefined where there is none. */
function keyIn(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text)
  } catch {
    // That it is none is all there is to say.
    return undefined
  }
}

function isEncrypted(key: string): boolean {
  return /^(?:-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED)/m.test(key)
}

/** OpenSSL's own name for it, such as `ee key too small`: its codes are fixed words. */
function reasonOf(error: unknown): string {
  const [, name] = /^ERR_(?:OS)?SSL_(\w+)$/.exec(error instanceof Error && 'code' in error ? String(error.code) : '') ?? []
  return name === undefined ? '' : ` (${name.toLowerCase().replaceAll('_', ' ')})`
}

function outOfDate({ validFromDate, validToDate }: X509Certificate, now: Date): string | undefined {
  if (validToDate < now) return `it has been out of date since ${validToDate.toISOString()}; clients refuse it`
  return validFromDate > now ? `it is not valid before ${validFromDate.toISOString()}; clients refuse it` : undefined
}
