import type { Controls } from '../shared/controls.ts'
import { serve } from '../shared/http-server.ts'
import { AwsControls } from './aws-controls.ts'
import { SECRETS_A_BATCH } from './limits.ts'
import { Pages } from './pages.ts'
import { awsProtocol } from './protocol.ts'
import { State } from './state.ts'

export type { Controls } from '../shared/controls.ts'

/** What an emulator of AWS Secrets Manager is, and how it behaves where AWS may do one or the other. */
export interface AwsEmulatorOptions {
  /** Twelve digits; default 123456789012. */
  readonly accountId?: string | undefined
  /** Default `eu-west-1`. Requests signed for another one are refused. */
  readonly region?: string | undefined
  /** For how long a name is held after a deletion without a window, by the emulator's clock; default 0. */
  readonly nameHeldMs?: number | undefined
  /** Secrets that `BatchGetSecretValue` answers at once, 1 to 20, which is the default: AWS may answer fewer than asked for. */
  readonly batchSize?: number | undefined
  /** Secrets that `ListSecrets` looks at for one page, so that pages with filters are short or empty; by default pages are full. */
  readonly listScan?: number | undefined
  /** Over TLS, with a certificate of its own that nobody trusts: `ca` has it. */
  readonly tls?: boolean | undefined
}

/** An emulator of AWS Secrets Manager, on a free port of the loopback. */
export interface AwsEmulator {
  readonly url: string
  readonly accountId: string
  readonly region: string
  /** The certificate in PEM form, with `tls`. */
  readonly ca: string | undefined
  /** Credentials are access key ids, operations are AWS's names: `GetSecretValue`. `lag.lists` delays lists and descriptions. */
  readonly controls: Controls
  stop(): Promise<void>
}

/**
 * AWS Secrets Manager in this process, on a free port of the loopback.
 * @throws RangeError for a wrong option
 */
export async function startAwsEmulator(options: AwsEmulatorOptions = {}): Promise<AwsEmulator> {
  const { accountId = '123456789012', region = 'eu-west-1', nameHeldMs = 0, batchSize = SECRETS_A_BATCH, listScan = Infinity, tls = false } = options
  if (!/^\d{12}$/.test(accountId)) throw new RangeError('accountId is text of 12 digits')
  if (!/^[a-z]{2,}(-[a-z0-9]+)+$/.test(region)) throw new RangeError('region is the name of an AWS region')
  if (!(nameHeldMs >= 0)) throw new RangeError('nameHeldMs is not negative')
  if (!(batchSize >= 1 && batchSize <= SECRETS_A_BATCH)) throw new RangeError(`batchSize is a number from 1 to ${SECRETS_A_BATCH}`)
  if (!(listScan >= 1)) throw new RangeError('listScan is a number from 1')
  const controls = new AwsControls()
  const state = new State({ accountId, region }, controls)
  const identity = tls ? await certificate() : undefined
  const server = await serve(awsProtocol(controls, { state, pages: new Pages(), nameHeldMs, batchSize, listScan }), controls, identity)
  return { url: server.url, accountId, region, ca: identity?.cert, controls, stop: () => server.stop() }
}

async function certificate(): Promise<{ readonly key: string; readonly cert: string }> {
  const { generate } = await import('selfsigned')
  const made = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  })
  return { key: made.private, cert: made.cert }
}
