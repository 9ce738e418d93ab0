import type { Step } from './generated.ts'

/** Where the emulator knowingly answers otherwise than OpenBao 2.7.2. */
export interface Difference {
  readonly what: string
  /** Whose answer an application should expect in production. */
  readonly right: 'openbao' | 'emulator'
  readonly evidence: string
  /** Sent in turn to both; the answers to the last one differ. */
  readonly probe: readonly Step[]
}

const write = (path: string, body: unknown): Step => ({ method: 'POST', path, body, as: 'root' })
const read = (path: string): Step => ({ method: 'GET', path, as: 'root' })

export const differences: readonly Difference[] = [
  {
    what: 'what is said about a body that is not JSON',
    right: 'openbao',
    evidence: "run: \"invalid character 'b' looking for beginning of value\", words of Go's parser; the emulator does not quote the body",
    probe: [write('secret/data/malformed', '{bad')],
  },
  {
    what: 'a version of more than 1 MiB',
    right: 'emulator',
    evidence:
      'run on OpenBao 2.7.2 with a Raft store: 500 above 1,048,357 bytes of JSON; the server in development mode keeps everything in memory and has no limit',
    probe: [write('secret/data/large', { data: { x: 'x'.repeat(1_100_000) } })],
  },
  {
    what: 'a namespace that nobody made',
    right: 'openbao',
    evidence: 'run: 404 "namespace not found"; the emulator answers that only when it was started with the option `namespaces`',
    probe: [{ ...read('secret/data/none'), headers: { 'x-vault-namespace': 'nobody-made-it' } }],
  },
  {
    what: 'subkeys of a secret',
    right: 'openbao',
    evidence: 'run: 200 with the names of the fields; the emulator has no subkeys/',
    probe: [write('secret/data/sub', { data: { x: '1' } }), read('secret/subkeys/sub')],
  },
  {
    what: 'lists with details',
    right: 'openbao',
    evidence: 'run: 200 with keys and key_info; the emulator has no detailed-metadata/',
    probe: [write('secret/data/sub', { data: { x: '1' } }), { method: 'LIST', path: 'secret/detailed-metadata/', as: 'root' }],
  },
  {
    what: 'the rest of sys/',
    right: 'openbao',
    evidence: 'run: 200 with the mounts; the emulator has only sys/health and sys/seal-status',
    probe: [read('sys/mounts')],
  },
  {
    what: 'a read with a slash at the end of the path',
    right: 'emulator',
    evidence: 'run: 500 "could not find version data" where the key without the slash is there; the metadata is found and the version is not',
    probe: [write('secret/data/slash', { data: { x: '1' } }), read('secret/data/slash/')],
  },
  {
    what: 'tokens with a number of uses',
    right: 'openbao',
    evidence: 'run: num_uses 1, and the token is gone after its use; the emulator knows no number of uses',
    probe: [write('auth/token/create', { ttl: '1h', num_uses: 1 })],
  },
  {
    what: 'the warning about unknown fields of a new token',
    right: 'openbao',
    evidence: 'run: "Endpoint ignored these unrecognized parameters: [unknown]"; the emulator warns only in the KV engine',
    probe: [write('auth/token/create', { ttl: '1h', unknown: 1 })],
  },
  {
    what: 'custom metadata given as a number',
    right: 'openbao',
    evidence: 'run: 1.50 is kept as the text "1.50"; for JavaScript it is 1.5',
    probe: [write('secret/metadata/number', '{"custom_metadata":{"n":1.50}}'), read('secret/metadata/number')],
  },
]
