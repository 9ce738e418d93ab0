import { decodeName, encodeName, isSecretError } from '@strongroom/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const VECTORS: readonly (readonly [name: string, encoded: string])[] = [
  ['a', 'a'],
  ['db-password', 'db-password'],
  ['0', '0'],
  ['A', '--41'],
  ['Db', '--44b'],
  ['a.b', 'a--2eb'],
  ['a/b', 'a--2fb'],
  ['a_b', 'a--5fb'],
  ['-', '--2d'],
  ['-a', '--2da'],
  ['a-', 'a--2d'],
  ['a--b', 'a--2d--2db'],
  ['a-B', 'a--2d--42'],
  ['a--41', 'a--2d--2d41'],
  ['é', '--c3--a9'],
  ['😀', '--f0--9f--98--80'],
  [' ', '--20'],
  ['\uFEFF', '--ef--bb--bf'],
]

/** What encoding never makes. */
const REFUSED = [
  '',
  '-',
  'a-',
  '-a',
  '--',
  '--4',
  '--G1',
  '--4G',
  '--2D',
  '--61',
  '--30',
  'A',
  'a_b',
  'a.b',
  'a--2db',
  'a---b',
  '--ff',
  '--c3',
  '--ed--a0--80',
  '--c0--80',
  'é',
]

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const text = fc.oneof(
  fc.string({ minLength: 1, unit: 'binary' }),
  fc.string({ minLength: 1, unit: fc.constantFrom('a', 'z', '0', '9', '-', 'A', '.', 'é') }),
)

describe(`names (SEED=${seed})`, () => {
  it.each(VECTORS)('%j is %j, and back', (name, encoded) => {
    expect(encodeName(name)).toBe(encoded)
    expect(decodeName(encoded)).toBe(name)
  })

  it.each(REFUSED)('%j is nothing that encoding makes', encoded => {
    expect(decodeName(encoded)).toBeUndefined()
  })

  it('leaves exactly [a-z0-9]+(-[a-z0-9]+)* as it is', () => {
    fc.assert(
      fc.property(text, name => {
        expect(encodeName(name) === name).toBe(/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))
      }),
      { seed, numRuns: 2000 },
    )
  })

  it('keeps to the narrow alphabet and comes back as it went', () => {
    fc.assert(
      fc.property(text, name => {
        const encoded = encodeName(name)
        expect(encoded).toMatch(/^[a-z0-9-]+$/)
        expect(decodeName(encoded)).toBe(name)
      }),
      { seed, numRuns: 2000 },
    )
  })

  it('gives two names two encodings, also without case', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(encodeName(a) === encodeName(b)).toBe(a === b)
        expect(encodeName(a)).toBe(encodeName(a).toLowerCase())
      }),
      { seed, numRuns: 2000 },
    )
  })

  it('decodes only what it would encode to the same again', () => {
    const encoded = fc.string({ unit: fc.constantFrom('a', 'f', '0', '2', 'd', '-', '--', '--2d', '--61', '--c3', '--a9') })
    fc.assert(
      fc.property(encoded, candidate => {
        const name = decodeName(candidate)
        if (name !== undefined) expect(encodeName(name)).toBe(candidate)
      }),
      { seed, numRuns: 2000 },
    )
  })

  it('refuses a lone surrogate, which would become another name’s encoding, and does not quote it', () => {
    let thrown: unknown
    try {
      encodeName('marker\ud800')
    } catch (error) {
      thrown = error
    }
    expect(isSecretError(thrown, 'invalid_argument')).toBe(true)
    expect(String(thrown)).not.toContain('marker')
  })
})
