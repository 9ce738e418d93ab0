import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createSecureServer } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface UntrustedServer {
  readonly url: string
  /** PEM of the certificate, for a process that is to trust it. */
  readonly cert: string
  /** The header of each request that got through. */
  readonly authorizations: readonly (string | undefined)[]
  readonly stop: () => Promise<void>
}

export function hasOpenssl(): boolean {
  return spawnSync('openssl', ['version']).status === 0
}

/** A server of HTTP/2 and HTTP/1.1 on the loopback, with a certificate that nobody trusts. Whoever does is answered that nothing is there. */
export async function startUntrusted(): Promise<UntrustedServer> {
  const { key, cert } = await selfSigned()
  const authorizations: (string | undefined)[] = []
  const server = createSecureServer({ key, cert, allowHTTP1: true }, (request, response) => {
    authorizations.push(request.headers.authorization)
    if (request.httpVersion === '2.0') response.stream.respond({ 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true })
    else response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"code":404,"status":"NOT_FOUND","message":"x"}}')
  })
  server.on('tlsClientError', () => {})
  server.on('sessionError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `https://127.0.0.1:${address.port}`,
    cert,
    authorizations,
    stop: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}

async function selfSigned(): Promise<{ readonly key: string; readonly cert: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-gcp-'))
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const name = ['-subj', '/CN=untrusted', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1']
  try {
    await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile, '-out', certFile, ...name])
    return { key: await readFile(keyFile, 'utf8'), cert: await readFile(certFile, 'utf8') }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
