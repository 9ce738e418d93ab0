import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

// Run in a process of its own: what is loaded here, the test's own modules have loaded too.
const PROGRAM = `
  import { registerHooks } from 'node:module'
  const loaded = []
  registerHooks({
    load(url, context, next) {
      loaded.push(url)
      return next(url, context)
    },
  })
  await import('@strongroom/core')
  process.stdout.write(JSON.stringify({ loaded, handles: process.getActiveResourcesInfo() }))
`

it('importing core loads nothing but core and Node, and starts nothing', () => {
  const core = new URL('../src/', import.meta.url).href
  const flags = ['--conditions=@strongroom/source', '--input-type=module', '--eval', PROGRAM]
  const answer = execFileSync(process.execPath, flags, { cwd: fileURLToPath(new URL('..', import.meta.url)), encoding: 'utf8' })
  const { loaded, handles } = JSON.parse(answer) as { readonly loaded: readonly string[]; readonly handles: readonly string[] }
  expect(loaded).toContain(`${core}index.ts`)
  expect(loaded.filter(url => !url.startsWith(core) && !/^node:(crypto)$/.test(url))).toEqual([])
  expect(handles.filter(handle => /timeout|tcp|fs/i.test(handle))).toEqual([])
})
