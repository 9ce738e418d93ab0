import { generate } from 'selfsigned'
import { HOST } from '../shared/listen.ts'

const DAY = 86_400_000

export interface Certificates {
  /** PEM of the authority; a client must trust it. */
  readonly ca: string
  readonly tls: { readonly key: string; readonly cert: string }
}

/** An authority of this emulator's own, and a certificate of it for the loopback. Real time, not the emulator's clock: TLS goes by the machine's. */
export async function makeCertificates(): Promise<Certificates> {
  const made = {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - DAY),
    notAfterDate: new Date(Date.now() + 30 * DAY),
  } as const
  const authority = await generate([{ name: 'commonName', value: 'Strongroom emulator authority' }], {
    ...made,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const server = await generate([{ name: 'commonName', value: 'Strongroom emulator' }], {
    ...made,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: HOST },
        ],
      },
    ],
  })
  return { ca: authority.cert, tls: { key: server.private, cert: server.cert } }
}
