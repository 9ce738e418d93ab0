import { Controls } from '../shared/controls.ts'
import { serve } from '../shared/http-server.ts'
import { makeCertificates } from './certificates.ts'
import { codeOf } from './errors.ts'
import { operationsOf } from './operations.ts'
import { Pages, type Paging } from './pages.ts'
import { azureProtocol } from './protocol.ts'
import { Tokens, type TokenOptions } from './tokens.ts'
import { Vault, type PlantedCertificate } from './vault.ts'

export type { AzureCode } from './errors.ts'
export type { Controls } from '../shared/controls.ts'
export type { Paging, PlantedCertificate, TokenOptions }

/** How an emulated vault keeps what is deleted, and how long it takes. */
export interface AzureEmulatorOptions {
  /** Stands in some messages; the address has none. Default: `emulator`. */
  readonly vaultName?: string | undefined
  /** How long a deleted secret can be recovered: 7 to 90 days; default 90. */
  readonly recoverableDays?: number | undefined
  /** Nobody may purge before that time is over. Default: false. */
  readonly purgeProtection?: boolean | undefined
  /** How long a delete is under way after its answer, in milliseconds by the emulator's clock. Default: 0. */
  readonly deleteDelayMs?: number | undefined
  /** The same of a recovery. */
  readonly recoverDelayMs?: number | undefined
  /** The same of a purge. */
  readonly purgeDelayMs?: number | undefined
}

/** An emulator of an Azure Key Vault’s secrets, over TLS on a free port of the loopback. */
export interface AzureEmulator {
  /** `https://127.0.0.1:PORT` */
  readonly vaultUrl: string
  /** PEM of the authority that signed the server's certificate; made at the start. */
  readonly ca: string
  readonly controls: Controls
  /** How lists are cut; may be changed at any time. */
  readonly paging: Paging
  /** A bearer token. What `controls.permit` says of the token, or else of its principal, is what it may do. */
  issueToken(principal?: string, options?: TokenOptions): string
  /** Puts the secret of a certificate into the vault, and answers its version. */
  plantCertificate(certificate: PlantedCertificate): string
  stop(): Promise<void>
}

/** One Key Vault with its secrets on a free port of the loopback, in this process. @throws RangeError for options that no vault can have */
export async function startAzureEmulator(options: AzureEmulatorOptions = {}): Promise<AzureEmulator> {
  const { vaultName = 'emulator', recoverableDays = 90, purgeProtection = false } = options
  const { deleteDelayMs = 0, recoverDelayMs = 0, purgeDelayMs = 0 } = options
  if (!(Number.isInteger(recoverableDays) && recoverableDays >= 7 && recoverableDays <= 90)) throw new RangeError('recoverableDays is from 7 to 90')
  if (![deleteDelayMs, recoverDelayMs, purgeDelayMs].every(delay => delay >= 0)) throw new RangeError('a delay is not negative')
  const controls = new Controls(codeOf)
  const tokens = new Tokens(controls, vaultName)
  const pages = new Pages()
  const vault = new Vault(controls, { name: vaultName, recoverableDays, purgeProtection, deleteDelayMs, recoverDelayMs, purgeDelayMs })
  const { ca, tls } = await makeCertificates()
  const server = await serve(azureProtocol(operationsOf(vault, pages), tokens), controls, tls)
  vault.url = server.url
  return {
    vaultUrl: server.url,
    ca,
    controls,
    paging: pages.paging,
    issueToken: (principal, tokenOptions) => tokens.issue(principal, tokenOptions),
    plantCertificate: certificate => vault.plant(certificate),
    stop: () => server.stop(),
  }
}
