import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tlsFilesOf } from '../src/cli/tls-files.ts'

let folder = ''
const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
const EC = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
const make = (name: string, kind: readonly string[]): void =>
  openssl('req', '-x509', '-newkey', ...kind, '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '1', '-subj', '/CN=localhost')

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'strongroom-tls-'))
  make('good', EC)
  make('other', EC)
  make('weak', ['rsa:1024'])
  openssl('pkey', '-in', 'good.key', '-aes256', '-passout', 'pass:x', '-out', 'locked.key')
  openssl('ec', '-in', 'good.key', '-aes256', '-passout', 'pass:x', '-out', 'locked-as-of-old.key')
  openssl('x509', '-in', 'good.pem', '-outform', 'DER', '-out', 'binary.pem')
  openssl('x509', '-in', 'good.pem', '-signkey', 'good.key', '-days', '-1', '-out', 'old.pem')
  const [good, other] = ['good.pem', 'other.pem'].map(name => readFileSync(join(folder, name), 'utf8'))
  writeFileSync(join(folder, 'chain.pem'), `${good}${other}`)
  writeFileSync(join(folder, 'reversed.pem'), `${other}${good}`)
  writeFileSync(join(folder, 'broken.pem'), '-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

const read = async (cert: string, key: string): Promise<readonly string[]> => {
  const warnings: string[] = []
  const surroundings = { source: 'a.yaml', folder, environment: {}, warn: (message: string) => void warnings.push(message) }
  const files = await tlsFilesOf({ cert: { file: cert }, key: { file: key } }, surroundings)
  expect([files.cert, files.key].join('\n')).toMatch(/BEGIN CERTIFICATE[^]*PRIVATE KEY/)
  return warnings.filter(warning => warning.includes('cert'))
}

describe('certificate and key', () => {
  it.each([
    ['no.pem', 'good.key', 'a.yaml: http.tls.cert: found the file no.pem, which cannot be read; allowed: a file that this process may read'],
    ['good.key', 'good.key', 'a.yaml: http.tls.cert: found no certificate in PEM; allowed: the server’s own certificate'],
    ['binary.pem', 'good.key', 'a.yaml: http.tls.cert: found no certificate in PEM; allowed: the server’s own certificate'],
    ['broken.pem', 'good.key', 'a.yaml: http.tls.cert: found no certificate in PEM; allowed: the server’s own certificate'],
    ['good.pem', 'good.pem', 'a.yaml: http.tls.key: found no private key in PEM; allowed: the private key of the certificate'],
    ['good.pem', 'locked.key', 'a.yaml: http.tls.key: found a private key with a passphrase; allowed: one without'],
    ['good.pem', 'locked-as-of-old.key', 'a.yaml: http.tls.key: found a private key with a passphrase; allowed: one without'],
    ['good.pem', 'other.key', 'a.yaml: http.tls: found a certificate and the key of another; allowed: a certificate and its key'],
    ['reversed.pem', 'good.key', 'a.yaml: http.tls: found a certificate and the key of another; allowed: a certificate and its key; of a chain'],
    ['weak.pem', 'weak.key', 'a.yaml: http.tls: found what OpenSSL refuses (ee key too small); allowed: '],
  ])('%s and %s are refused, with the place', async (cert, key, message) => {
    const error = (await read(cert, key).catch((thrown: unknown) => thrown)) as Error
    expect(error.name).toBe('ConfigError')
    expect(error.message.slice(0, message.length)).toBe(message)
    expect(error.message).not.toContain('hunter2')
  })

  it.each(['good.pem', 'chain.pem'])('%s is taken', async cert => expect(await read(cert, 'good.key')).toEqual([]))

  it('out of date are taken, and it is said', async () => {
    expect(await read('old.pem', 'good.key')).toEqual([
      expect.stringMatching(/^a\.yaml: http\.tls\.cert: it has been out of date since \d{4}-\S+Z; clients refuse it$/),
    ])
  })
})
