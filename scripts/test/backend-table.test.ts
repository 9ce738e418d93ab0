import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { backendTable } from '../backend-table.mjs'
import { committedReports, writePages } from '../conformance-pages.mjs'

// What a run says of backends whose server could not be had: it must not pass for a run of their emulators.

const REAL = join(import.meta.dirname, '..', '..')
const committed = committedReports(REAL)
const EMULATED = ['aws-emulator', 'azure', 'azure-slow', 'gcp-alias', 'gcp-grpc', 'gcp-lag', 'gcp-rest', 'local', 'memory', 'vault-emulator']
const SERVERS = ['aws-moto', 'example-object-store', 'gcp-drongo', 'vault']
const NO_PYTHON = { reason: 'pip could not download' }

/** As the kit writes them: of the committed ones, those of these names. */
function reportsOf(names: readonly string[]) {
  return committed
    .filter(({ backend }) => names.includes(backend))
    .map(({ kind, cases, ...report }) => ({
      ...report,
      ok: true,
      driver: { kind },
      cases: Object.entries(cases as object).map(([id, outcome]) => ({ id, outcome: outcome as unknown })),
    }))
}

afterEach(() => vi.unstubAllEnvs())

describe('the table of a run', () => {
  it('has nothing to add where all ran', () => {
    const { text, incomplete } = backendTable(reportsOf([...EMULATED, ...SERVERS]), committed, {})
    expect(incomplete).toEqual([])
    expect(text).not.toContain('NOT RUN')
  })

  it('says of each server that did not run why, though an emulator of the same kind did', () => {
    const { text, incomplete } = backendTable(reportsOf(EMULATED), committed, NO_PYTHON)
    expect(incomplete).toEqual(SERVERS.map(name => `${name}: pip could not download`))
    expect(text.match(/NOT RUN/g)).toHaveLength(SERVERS.length)
  })

  it('does not blame Python for an emulator that did not run', () => {
    const { incomplete } = backendTable(reportsOf(EMULATED.slice(1)), committed, NO_PYTHON)
    expect(incomplete[0]).toBe('aws-emulator: its suite did not run')
  })

  it('takes a place of the user for the reason, and asks for no more', () => {
    vi.stubEnv('STRONGROOM_GCP_PROJECT', 'my-project')
    const { text, incomplete } = backendTable(reportsOf([...EMULATED, 'aws-moto', 'example-object-store', 'vault']), committed, {})
    expect(incomplete).toEqual([])
    expect(text).toMatch(/gcp-drongo +NOT RUN .*STRONGROOM_GCP_PROJECT names another place/)
  })
})

describe('the pages', () => {
  let root: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'strongroom-pages-'))
    await mkdir(join(root, 'docs'))
    await writeFile(join(root, 'docs', 'backends.md'), await readFile(join(REAL, 'docs', 'backends.md')))
    writePages(root, reportsOf([...EMULATED, ...SERVERS]))
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  it('are not written by a run that has not all, and no report is lost', async () => {
    expect(() => writePages(root, reportsOf(EMULATED))).toThrow('docs/conformance/vault.json')
    expect(await readdir(join(root, 'docs', 'conformance'))).toHaveLength(EMULATED.length + SERVERS.length)
  })

  it('are written without a suite whose report was removed first', async () => {
    await rm(join(root, 'docs', 'conformance', 'gcp-drongo.json'))
    writePages(root, reportsOf([...EMULATED, 'aws-moto', 'example-object-store', 'vault']))
    expect(await readFile(join(root, 'docs', 'backends.md'), 'utf8')).not.toContain('gcp-drongo.json')
  })
})
