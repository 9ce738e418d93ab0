import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { NativePath, Payload } from '@strongroom/core'
import { assert as assertProperty, asyncProperty, uint8Array } from 'fast-check'
import { binary, text, type CaseContext } from '../case-context.ts'
import { randomText } from '../data/random-text.ts'
import { bytesOf, nastyBytes, nastyTexts, portableBytes, textOf } from '../data/values.ts'
import type { DriverCase } from '../driver-case.ts'
import { assertBytes, assertFailure, expectError } from '../expect.ts'

const RANDOM_VALUES = 25

export const valuesCases: readonly DriverCase[] = [
  {
    id: 'values/nasty-texts-round-trip',
    title: 'every nasty text comes back byte for byte, by version and as current',
    needs: [],
    async run(context) {
      const { path } = await context.create('to begin with')
      for (const [what, value] of nastyTexts) await roundTrip(context, path, text(value), what)
    },
  },
  {
    id: 'values/nasty-bytes-round-trip',
    title: 'every nasty binary value comes back byte for byte, by version and as current',
    needs: [],
    async run(context) {
      const { path } = await context.create('to begin with')
      for (const [what, value] of nastyBytes) await roundTrip(context, path, binary(value), what)
    },
  },
  {
    id: 'values/created-as-given',
    title: 'a create keeps its value byte for byte, as an append does',
    needs: [],
    async run(context) {
      for (const payload of [text(' \ufeffgröße\r\n\0'), binary([0, 255, 254, 0])]) {
        const { path } = await context.create(payload)
        assertBytes((await context.read(path)).payload.bytes, payload.bytes, 'the created value')
      }
    },
  },
  {
    id: 'values/text-and-binary-are-told-apart',
    title: 'text comes back as text and binary as binary, even when the binary would be good text',
    needs: ['capability:textForm=kept'],
    run: context => lookAtTextForms(context, { goodTextIsText: false }),
  },
  {
    id: 'values/good-text-is-taken-for-text',
    title: 'where bytes alone are kept, what is good UTF-8 comes back as text, and nothing else does',
    needs: ['capability:textForm=inferred'],
    run: context => lookAtTextForms(context, { goodTextIsText: true }),
  },
  {
    id: 'values/random-texts-round-trip',
    title: 'random texts come back byte for byte',
    needs: [],
    async run(context) {
      const { path } = await context.create('to begin with')
      const values = randomText({ from: 0, maxLength: 200 })
      await assertProperty(
        asyncProperty(values, async value => await roundTrip(context, path, text(value), 'a random text')),
        { seed: context.settings.seed, numRuns: RANDOM_VALUES, endOnFailure: true },
      )
    },
  },
  {
    id: 'values/random-bytes-round-trip',
    title: 'random binary values come back byte for byte',
    needs: [],
    async run(context) {
      const { path } = await context.create('to begin with')
      await assertProperty(
        asyncProperty(uint8Array({ minLength: 1, maxLength: 200 }), async value => await roundTrip(context, path, binary(value), 'random bytes')),
        { seed: context.settings.seed, numRuns: RANDOM_VALUES, endOnFailure: true },
      )
    },
  },
  {
    id: 'values/portable-maximum',
    title: 'the largest values that every backend takes come back byte for byte',
    needs: [],
    async run(context) {
      const one = await context.create(text(textOf(portableBytes.text)))
      await roundTrip(context, one.path, text(textOf(portableBytes.text)), 'the largest portable text')
      await roundTrip(context, one.path, binary(bytesOf(portableBytes.binary)), 'the largest portable binary')
    },
  },
  {
    id: 'values/native-maximum',
    title: 'values of exactly maxValueBytes come back byte for byte',
    needs: [],
    async run(context) {
      const { text: textBytes, binary: binaryBytes } = context.capabilities.maxValueBytes
      const { path } = await context.create(text(textOf(textBytes)))
      assertBytes((await context.read(path)).payload.bytes, text(textOf(textBytes)).bytes, 'the largest created text')
      await roundTrip(context, path, text('x'.repeat(textBytes)), 'the largest text')
      await roundTrip(context, path, binary(bytesOf(binaryBytes)), 'the largest binary')
      // Quotes and backslashes double in JSON, NUL takes six characters: the limit is of bytes, not of what goes over the wire.
      await roundTrip(context, path, text('"\\'.repeat(Math.floor(textBytes / 2))), 'the largest text of quotes')
    },
  },
  {
    id: 'values/over-the-maximum-is-refused-or-kept',
    title: 'a driver that is handed more than it declares refuses it, or keeps every byte',
    needs: [],
    async run(context) {
      const payload = text('x'.repeat(context.capabilities.maxValueBytes.text + 1))
      const { path, version } = await context.create('the first')
      try {
        await context.append(path, payload)
      } catch (error) {
        const failure = context.driver.classify(error)
        assertFailure(failure)
        assert.ok(['too_large', 'invalid_argument'].includes(failure.code), `too_large or invalid_argument, not ${failure.code}`)
        assert.equal((await context.read(path)).version, version, 'the refused value is not there')
        return
      }
      assertBytes((await context.read(path)).payload.bytes, payload.bytes, 'what was taken')
    },
  },
  {
    id: 'values/too-large-is-refused-before-the-call',
    title: 'a store refuses what is larger than the portable or the native maximum as too_large, and the driver is not asked',
    needs: [],
    async run(context) {
      const native = context.capabilities.maxValueBytes
      const portable = context.recorded()
      const wide = context.recorded({ limits: 'native' })
      await expectError(portable.store.put('a', 'x'.repeat(Math.min(portableBytes.text, native.text) + 1)), 'too_large')
      await expectError(portable.store.put('a', bytesOf(Math.min(portableBytes.binary, native.binary) + 1)), 'too_large')
      await expectError(wide.store.put('a', 'x'.repeat(native.text + 1)), 'too_large')
      await expectError(wide.store.put('a', bytesOf(native.binary + 1)), 'too_large')
      // Bytes are counted, not characters.
      await expectError(wide.store.put('a', 'é'.repeat(Math.ceil((native.text + 1) / 2))), 'too_large')
      assert.deepEqual([...portable.requests, ...wide.requests], [])
    },
  },
  {
    id: 'values/empty-is-refused-before-the-call',
    title: 'a store refuses an empty value, which not every backend keeps, and the driver is not asked',
    needs: [],
    async run(context) {
      const { store, requests } = context.recorded()
      await expectError(store.put('a', ''), 'invalid_argument')
      await expectError(store.put('a', new Uint8Array()), 'invalid_argument')
      assert.deepEqual(requests, [])
    },
  },
  {
    id: 'values/the-callers-bytes-are-copied',
    title: 'bytes that the caller overwrites after a write do not change what was written',
    needs: [],
    async run(context) {
      const path = context.path()
      const created = binary([1, 2, 3, 4])
      await context.create(created, { path })
      created.bytes.fill(9)
      assertBytes((await context.read(path)).payload.bytes, Uint8Array.of(1, 2, 3, 4), 'after a create')
      const appended = binary([5, 6, 7, 8])
      await context.append(path, appended)
      appended.bytes.fill(9)
      assertBytes((await context.read(path)).payload.bytes, Uint8Array.of(5, 6, 7, 8), 'after an append')
    },
  },
  {
    id: 'values/the-callers-request-is-left-alone',
    title: 'a write changes neither the bytes nor the labels that it is given',
    needs: [],
    async run(context) {
      const payload = binary([1, 2, 3, 4])
      const labels = Object.freeze({ owner: 'payments' })
      const { path } = await context.create(payload, { labels })
      assertBytes(payload.bytes, Uint8Array.of(1, 2, 3, 4), 'the bytes of a create')
      const request = Object.freeze({ path, payload: Object.freeze(payload), token: randomUUID(), after: undefined, staged: false })
      await context.driver.append(request, context.call())
      assertBytes(payload.bytes, Uint8Array.of(1, 2, 3, 4), 'the bytes of an append')
    },
  },
  {
    id: 'values/results-own-their-bytes',
    title: 'bytes that a reader overwrites do not change what the next one reads',
    needs: [],
    async run(context) {
      const { path, version } = await context.create(binary([1, 2, 3, 4]))
      const one = await context.read(path)
      const other = await context.read(path)
      one.payload.bytes.fill(9)
      assertBytes(other.payload.bytes, Uint8Array.of(1, 2, 3, 4), 'a read at the same time')
      assertBytes((await context.read(path, version)).payload.bytes, Uint8Array.of(1, 2, 3, 4), 'a later read')
    },
  },
]

/** What comes back of text, of binary that would be good text, and of binary. */
async function lookAtTextForms(context: CaseContext, { goodTextIsText }: { readonly goodTextIsText: boolean }): Promise<void> {
  const { path } = await context.create(text('same bytes'))
  assert.equal((await context.read(path)).payload.text, true, 'text is text')
  await context.append(path, binary(new TextEncoder().encode('same bytes')))
  const message = goodTextIsText ? 'good text is taken for text' : 'binary is binary'
  assert.equal((await context.read(path)).payload.text, goodTextIsText, message)
  await context.append(path, binary([0xff, 0xfe]))
  assert.equal((await context.read(path)).payload.text, false, 'binary is binary')
}

async function roundTrip(context: CaseContext, path: NativePath, payload: Payload, what: string): Promise<void> {
  const expected = payload.bytes.slice()
  const version = await context.append(path, payload)
  const current = await context.read(path)
  assert.equal(current.version, version, what)
  assertBytes(current.payload.bytes, expected, `${what}, as current`)
  assertBytes((await context.read(path, version)).payload.bytes, expected, `${what}, by version`)
}
