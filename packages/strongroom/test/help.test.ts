import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { MAIN } from './support/command-line.ts'

// What is quick because it loads little. How quick: bench/help.ts, bench/http.ts.

const TELL = `data:text/javascript,${encodeURIComponent(
  "import { registerHooks } from 'node:module'; registerHooks({ load(url, context, next) { process.stderr.write(url + '\\n'); return next(url, context) } })",
)}`

/** A server is told to stop once it listens. */
async function loadedBy(args: readonly string[]): Promise<readonly string[]> {
  const child = spawn(process.execPath, ['--import', TELL, MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.on('data', chunk => void (String(chunk).includes('"listening"') && child.kill('SIGTERM')))
  return (await text(child.stderr)).split('\n').filter(line => line.startsWith('file:') || line.startsWith('node:'))
}

/** From the folder of the packages. */
function filesOf(loaded: readonly string[]): readonly string[] {
  return loaded.filter(url => url.startsWith('file:')).map(url => url.slice(url.lastIndexOf('/packages/') + '/packages/'.length))
}

describe('what is loaded', () => {
  it.each([['--help'], ['help'], ['create', '--help'], ['audit', '--help'], ['audit', 'verify', '--help']])(
    'for %s %s %s: commander and the table of commands, no SDK, no zod, no server',
    async (...args) => {
      const loaded = await loadedBy(args)
      expect(filesOf(loaded)).toEqual(['strongroom/dist/cli/main.js', 'strongroom/dist/cli/program.js'])
      expect(loaded.filter(url => url.startsWith('node:')).filter(url => /http|net|tls|sqlite|crypto/.test(url))).toEqual([])
      expect(readFileSync(join(dirname(MAIN), 'program.js'), 'utf8')).not.toContain('_zod')
    },
  )

  it('a command that does something loads more: the list is not empty for another reason', async () => {
    const loaded = await loadedBy(['list', '--account', 'acme', '-c', 'none.yaml'])
    expect(filesOf(loaded)).toContain('strongroom/dist/cli/check.js')
    expect(readFileSync(join(dirname(MAIN), 'check.js'), 'utf8')).toContain('_zod')
  })

  it('until serve listens: no SDK, no issuer’s keys, no limiter, and nothing from another place than these packages', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strongroom-loaded-'))
    try {
      const config = join(folder, 'strongroom.yaml')
      const key = `{ sha256: "${'0'.repeat(64)}", identity: { id: ada, type: user }, accounts: [acme] }`
      writeFileSync(
        config,
        `stores: { main: aws://eu-west-1 }\nmetadata: { type: sqlite, path: ./meta.db }\nauthorization: []\nhttp: { apiKeys: [${key}] }\n`,
      )
      const files = filesOf(await loadedBy(['-c', config, 'serve', '--port', '0']))
      expect(files).toContain('strongroom/dist/cli/serve.js')
      expect(files.filter(file => !/^(?:strongroom|core|aws)\/dist\//.test(file))).toEqual([])
      expect(files.filter(file => /webapi|rate-limiter|conformance|doctor|output/.test(file))).toEqual([])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
