import { createSecretStore, isSecretError, memoryDriver, SecretValue } from '@strongroom/core'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'

const MARKER = 'marker-7f3e'
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('it did not throw')
}

describe('SecretValue', () => {
  it.each(['plain', '', '\uFEFFwith a byte order mark', 'é😀', '\0', '{"a":1}'])('keeps the text %j', text => {
    const value = SecretValue.from(text)
    expect(value.isText).toBe(true)
    expect(value.revealText()).toBe(text)
    expect(value.byteLength).toBe(bytesOf(text).byteLength)
    expect(value.revealBytes()).toEqual(bytesOf(text))
  })

  it('keeps bytes, which are not text even when they look like it', () => {
    const value = SecretValue.from(bytesOf('text'))
    expect(value.isText).toBe(false)
    expect(value.revealText()).toBe('text')
  })

  it('keeps a part of a larger buffer, and a Buffer, as the bytes they are', () => {
    expect(SecretValue.from(Buffer.from('abcdef').subarray(2, 4)).revealBytes()).toEqual(Uint8Array.of(0x63, 0x64))
    expect(SecretValue.from(new Uint8Array([9, 1, 2, 9]).subarray(1, 3)).revealBytes()).toEqual(Uint8Array.of(1, 2))
  })

  it('refuses text with a lone surrogate', () => {
    const error = thrownBy(() => SecretValue.from(`${MARKER}\udc00`))
    expect(isSecretError(error, 'invalid_argument')).toBe(true)
    expect(inspect(error)).not.toContain(MARKER)
  })

  it.each([undefined, null, 7, true, [MARKER], { text: MARKER }, new ArrayBuffer(2), new Uint16Array(2), Symbol('s')])('refuses %s', input => {
    const error = thrownBy(() => SecretValue.from(input as never))
    expect(isSecretError(error, 'invalid_argument')).toBe(true)
    expect(inspect(error)).not.toContain(MARKER)
  })

  it.each([[[0xff]], [[0xc3]], [[0xed, 0xa0, 0x80]], [[0x61, 0x80]]])('does not reveal the bytes %j as text', bytes => {
    expect(
      isSecretError(
        thrownBy(() => SecretValue.from(Uint8Array.from(bytes)).revealText()),
        'invalid_argument',
      ),
    ).toBe(true)
  })

  it('reveals JSON, and does not quote what is not JSON', () => {
    expect(SecretValue.from('{"a":[1]}').revealJson()).toEqual({ a: [1] })
    const error = thrownBy(() => SecretValue.from(`{"key": ${MARKER}`).revealJson())
    expect(isSecretError(error, 'invalid_argument')).toBe(true)
    expect(inspect(error, { depth: 9 })).not.toContain(MARKER)
    expect((error as Error).cause).toBeUndefined()
  })

  it('compares by bytes, whatever the form', () => {
    const value = SecretValue.from('same')
    for (const equal of ['same', bytesOf('same'), Buffer.from('same'), SecretValue.from('same'), SecretValue.from(bytesOf('same'))]) {
      expect(value.equals(equal)).toBe(true)
    }
    for (const other of ['Same', 'sam', 'same ', '', bytesOf('samf'), '\ud800']) expect(value.equals(other)).toBe(false)
  })

  it.each([undefined, null, 4, {}, new ArrayBuffer(4)])('refuses to be compared with %s', other => {
    expect(
      isSecretError(
        thrownBy(() => SecretValue.from('same').equals(other as never)),
        'invalid_argument',
      ),
    ).toBe(true)
  })

  it('owns its copy, in and out', () => {
    const given = bytesOf('first')
    const value = SecretValue.from(given)
    const copy = SecretValue.from(value)
    given.fill(0)
    const out = value.revealBytes()
    out.fill(0)
    expect(value.revealText()).toBe('first')
    value[Symbol.dispose]()
    expect(copy.revealText()).toBe('first')
  })

  it('overwrites the bytes when it is disposed of', () => {
    const bytes = bytesOf('first')
    {
      using value = SecretValue.fromPayload({ bytes, text: true })
      expect(value.revealText()).toBe('first')
    }
    expect([...bytes]).toEqual([0, 0, 0, 0, 0])
  })

  it('overwrites what a driver answered with, and the payload of a put', async () => {
    const memory = memoryDriver()
    let answered: Uint8Array | undefined
    let given: Uint8Array | undefined
    const store = createSecretStore({
      ...memory,
      create: (request, call) => {
        given = request.payload.bytes
        return memory.create(request, call)
      },
      read: async (request, call) => {
        const answer = await memory.read(request, call)
        answered = answer.payload.bytes
        return answer
      },
    })
    await store.put('name', 'first')
    expect([...(given ?? [1])]).toEqual([0, 0, 0, 0, 0])
    const { value } = await store.get('name')
    expect(value.revealText()).toBe('first')
    value[Symbol.dispose]()
    expect([...(answered ?? [1])]).toEqual([0, 0, 0, 0, 0])
  })

  it.each(['revealText', 'revealBytes', 'revealJson', 'byteLength', 'equals', 'from'] as const)('after disposal %s is closed', method => {
    const value = SecretValue.from('1')
    value[Symbol.dispose]()
    value[Symbol.dispose]() // twice is no harm
    const error = thrownBy(() => {
      if (method === 'from') return SecretValue.from(value)
      if (method === 'byteLength') return value.byteLength
      return method === 'equals' ? value.equals('1') : value[method]()
    })
    expect(isSecretError(error, 'closed')).toBe(true)
    expect(String(value)).toBe('[SecretValue]')
  })

  it.each<readonly [string, (value: SecretValue) => unknown]>([
    ['String', value => String(value)],
    ['toString', value => value.toString()],
    // eslint-disable-next-line typescript/restrict-template-expressions, typescript/no-base-to-string -- what a careless user writes
    ['a template', value => `${value}`],
    ['concatenation', value => '' + (value as unknown as string)],
    ['a number', value => Number(value)],
    ['JSON', value => JSON.stringify({ value, list: [value] })],
    ['inspect', value => inspect(value)],
    ['inspect showHidden', value => inspect({ value }, { showHidden: true, depth: 9, getters: true })],
    ['inspect without customInspect', value => inspect(value, { customInspect: false, showHidden: true, depth: 9, getters: true })],
    ['an error’s cause', value => inspect(new Error('x', { cause: value }), { showHidden: true, depth: 9 })],
    ['keys', value => JSON.stringify([Object.entries(value), Reflect.ownKeys(value)])],
    ['spread', value => JSON.stringify({ ...value })],
  ])('gives nothing away in %s', (_, show) => {
    const shown = String(show(SecretValue.from(MARKER)))
    expect(shown).not.toContain(MARKER)
    expect(shown).not.toContain(String(bytesOf(MARKER)))
    expect(shown).not.toContain([...bytesOf(MARKER)].join(', '))
  })

  it('gives nothing away in a structured clone', () => {
    let clone: unknown = {}
    try {
      clone = structuredClone({ value: SecretValue.from(MARKER) })
    } catch {
      // Refused altogether is as good.
    }
    expect(inspect(clone, { showHidden: true, depth: 9 })).not.toContain(MARKER)
    expect(JSON.stringify(clone)).not.toMatch(/\d/)
  })

  it('cannot be made around its factory with someone else’s class', () => {
    const fake = Object.create(SecretValue.prototype) as SecretValue
    expect(() => SecretValue.from(fake)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
  })
})
