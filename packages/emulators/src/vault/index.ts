import { Controls } from '../shared/controls.ts'
import { serve } from '../shared/http-server.ts'
import { HOST } from '../shared/listen.ts'
import { failed, type Flavour } from './answers.ts'
import { Tokens, type TokenOptions } from './auth.ts'
import { MAX_ENTRY_BYTES, MAX_REQUEST_BYTES } from './limits.ts'
import { startListVerbFront } from './list-verb.ts'
import { Logins, type Role } from './logins.ts'
import { VaultProtocol } from './protocol.ts'

export type { Controls } from '../shared/controls.ts'
export type { Flavour } from './answers.ts'
export type { TokenOptions } from './auth.ts'
export type { AppRole, JwtRole, Role } from './logins.ts'

/** How an emulated Vault or OpenBao is set up, and what it takes. */
export interface VaultEmulatorOptions {
  /** Where the KV v2 engine is; default: `secret`. */
  readonly mount?: string | undefined
  /** Whose answers to give where the two differ; default: `vault`. */
  readonly flavour?: Flavour | undefined
  /** Default: `root`. */
  readonly rootToken?: string | undefined
  /** The namespaces that there are beside the root; default: every one that is asked for, each with keys of its own. */
  readonly namespaces?: readonly string[] | undefined
  /** Larger bodies are refused with 413; default: 32 MiB, above which the connection ends instead. */
  readonly maxRequestBytes?: number | undefined
  /** Larger versions are refused with 500; default: 1 MiB, as of a Raft store. */
  readonly maxEntryBytes?: number | undefined
}

/** An emulator of Vault or OpenBao with KV version 2, on a free port of the loopback. */
export interface VaultEmulator {
  readonly url: string
  readonly rootToken: string
  readonly mount: string
  readonly controls: Controls
  /** A token as somebody else would have got it. */
  createToken(options?: TokenOptions): string
  /** Lets logins with this role in. */
  addRole(role: Role): void
  /** Until `unseal`, everything but the status is refused with 503. What is stored stays. */
  seal(): void
  unseal(): void
  stop(): Promise<void>
}

/** HashiCorp Vault or OpenBao with one KV v2 engine, in this process, in memory, on a free port of the loopback. */
export async function startVaultEmulator(options: VaultEmulatorOptions = {}): Promise<VaultEmulator> {
  const { mount = 'secret', flavour = 'vault', rootToken = 'root', namespaces } = options
  const { maxRequestBytes = MAX_REQUEST_BYTES, maxEntryBytes = MAX_ENTRY_BYTES } = options
  const controls = new Controls(failed)
  const tokens = new Tokens(flavour, controls, rootToken)
  const logins = new Logins(flavour)
  let sealed = false
  const parts = { flavour, mount, namespaces, maxRequestBytes, maxEntryBytes, controls, tokens, logins, isSealed: () => sealed }
  const server = await serve(new VaultProtocol(parts), controls)
  const front = await startListVerbFront(server.port)
  return {
    url: `http://${HOST}:${front.port}`,
    rootToken,
    mount,
    controls,
    createToken: (of = {}) => tokens.create(of),
    addRole: role => logins.add(role),
    seal: () => {
      sealed = true
    },
    unseal: () => {
      sealed = false
    },
    stop: async () => {
      await front.stop()
      await server.stop()
    },
  }
}
