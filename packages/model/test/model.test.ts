import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CONFIGURATIONS } from '../src/configurations.ts'
import { explore } from '../src/explore.ts'
import { RULES, type Rule } from '../src/rules.ts'

// What `npm run model` prints, as tests. See docs/model.md.

const PATIENCE_MS = 240_000

describe('with all rules', () => {
  it.each([...CONFIGURATIONS.keys()])('%s: every state keeps the invariants', { timeout: PATIENCE_MS }, name => {
    const configuration = CONFIGURATIONS.get(name)
    if (configuration === undefined) throw new Error('no configuration')
    const { violation, isCut, states } = explore({ ...configuration, off: new Set() })
    expect(violation).toBeUndefined()
    expect(isCut).toBe(false)
    expect(states).toBeGreaterThan(50)
  })
})

describe('without a rule', () => {
  it.each([...RULES])('%s', { timeout: PATIENCE_MS }, (rule, { by, breaks, behind }) => {
    const configuration = CONFIGURATIONS.get(by)
    if (configuration === undefined) throw new Error('no configuration')
    const off = new Set([rule, ...(behind === undefined ? [] : [behind as Rule])])
    const { violation } = explore({ ...configuration, off }, breaks)
    expect(violation?.invariant).toBe(breaks)
    expect(violation?.trace.length).toBeGreaterThan(1)
  })
})

it('docs/model.md has each rule, with what it breaks', () => {
  const [, text = ''] = readFileSync(new URL('../../../docs/model.md', import.meta.url), 'utf8').split('## The rules')
  const [table = ''] = text.split('###')
  const rows = [...table.matchAll(/^\| (.*?) *\| .* \| (\d+ .*?) *\|$/gm)].map(([, rule, breaks]) => [rule, breaks])
  expect(rows).toEqual([...RULES].map(([rule, { breaks }]) => [rule, breaks]))
})
