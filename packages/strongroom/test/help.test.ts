import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { MAIN } from './support/command-line.ts'

// Help is quick because it loads next to nothing. How quick: bench/help.ts.

const TELL = `data:text/javascript,${encodeURIComponent(
  "import { registerHooks } from 'node:module'; registerHooks({ load(url, context, next) { process.stderr.write(url + '\\n'); return next(url, context) } })",
)}`

async function loadedBy(args: readonly string[]): Promise<readonly string[]> {
  const child = spawn(process.execPath, ['--import', TELL, MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  return (await text(child.stderr)).split('\n').filter(line => line.startsWith('file:') || line.startsWith('node:'))
}

describe('what is loaded', () => {
  it.each([['--help'], ['help'], ['create', '--help'], ['audit', '--help'], ['audit', 'verify', '--help']])(
    'for %s %s %s: commander and the table of commands, no SDK, no zod, no server',
    async (...args) => {
      const loaded = await loadedBy(args)
      const own = loaded.filter(url => url.startsWith('file:') && !url.includes('/node_modules/commander/'))
      expect(own.map(url => url.slice(url.lastIndexOf('/packages/')))).toEqual(
        ['main', 'exit-codes', 'program'].map(name => `/packages/strongroom/dist/cli/${name}.js`),
      )
      expect(loaded.filter(url => url.startsWith('node:')).filter(url => /http|net|tls|sqlite|crypto/.test(url))).toEqual([])
    },
  )

  it('a command that does something loads more: the list is not empty for another reason', async () => {
    const loaded = await loadedBy(['list', '--account', 'acme', '-c', 'none.yaml'])
    expect(loaded.some(url => url.includes('/zod/'))).toBe(true)
  })
})
