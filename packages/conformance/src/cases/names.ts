import assert from 'node:assert/strict'
import { encodeName, type NativePath, type SecretStore } from '@strongroom/core'
import { assert as assertProperty, asyncProperty } from 'fast-check'
import type { CaseContext } from '../case-context.ts'
import { badNames, lookAlikes, nastyNames, nestedNames } from '../data/names.ts'
import { randomText } from '../data/random-text.ts'
import type { DriverCase } from '../driver-case.ts'
import { expectError } from '../expect.ts'

const RANDOM_NAMES = 25

export const namesCases: readonly DriverCase[] = [
  {
    id: 'names/nasty-names-round-trip',
    title: 'every nasty name is written, read and listed through the portable encoding, side by side',
    needs: [],
    async run(context) {
      const store = context.store()
      const names = nastyNames.filter(name => fits(context, name))
      for (const name of names) await store.put(name, `value of ${name}`, createOptions(context))
      for (const name of names) assert.equal((await store.get(name)).value.revealText(), `value of ${name}`, JSON.stringify(name))
      await context.settled(async () => assert.deepEqual(await namesIn(store), names.toSorted()))
    },
  },
  {
    id: 'names/random-names-round-trip',
    title: 'random names are written, read and listed',
    needs: [],
    async run(context) {
      const store = context.store()
      const seen = new Map<string, string>()
      const name = randomText({ from: 1, maxLength: 12 })
      await assertProperty(
        asyncProperty(name, async candidate => {
          if (!fits(context, candidate)) return
          const value = `value ${seen.size}`
          await store.put(candidate, value)
          seen.set(candidate, value)
          assert.equal((await store.get(candidate)).value.revealText(), value)
        }),
        { seed: context.settings.seed, numRuns: RANDOM_NAMES, endOnFailure: true },
      )
      for (const [candidate, value] of seen) assert.equal((await store.get(candidate)).value.revealText(), value)
      await context.settled(async () => assert.deepEqual(await namesIn(store), [...seen.keys()].toSorted()))
    },
  },
  {
    id: 'names/look-alikes-are-two-secrets',
    title: 'names that differ in case or in composition only are two secrets',
    needs: [],
    async run(context) {
      for (const [index, [one, other]] of lookAlikes.entries()) {
        const store = context.store({ prefix: `${context.prefix}pair${index}x-` })
        await store.put(one, 'the one')
        await store.put(other, 'the other')
        assert.equal((await store.get(one)).value.revealText(), 'the one', `${one} beside ${other}`)
        assert.equal((await store.get(other)).value.revealText(), 'the other', `${other} beside ${one}`)
        await store.delete(other, { purge: true })
        assert.equal((await store.get(one)).value.revealText(), 'the one', `${one} after ${other} is gone`)
      }
    },
  },
  {
    id: 'names/prefixes-of-each-other',
    title: 'names that begin with each other are secrets of their own, also when one of them goes',
    needs: [],
    async run(context) {
      const store = context.store()
      for (const name of nestedNames) await store.put(name, `value of ${name}`)
      for (const [index, name] of nestedNames.entries()) {
        await store.delete(name, { purge: true })
        for (const rest of nestedNames.slice(index + 1)) assert.equal((await store.get(rest)).value.revealText(), `value of ${rest}`)
      }
    },
  },
  {
    id: 'names/bad-names-are-refused-before-the-call',
    title: 'a bad name is refused as invalid_argument, and the driver is not asked',
    needs: [],
    async run(context) {
      const { store, requests } = context.recorded()
      for (const [bad, why] of badNames) {
        const name = bad as string
        for (const call of [store.get(name), store.put(name, 'a value'), store.delete(name, { purge: true }), store.getMany([name])]) {
          const error = await expectError(call, 'invalid_argument')
          assert.equal(error.effect, 'none', why)
        }
      }
      assert.deepEqual(requests, [])
    },
  },
  {
    id: 'names/too-long-is-refused-before-the-call',
    title: 'a name that is too long for the backend, encoded and with its prefix, is refused, and the driver is not asked',
    needs: [],
    async run(context) {
      const { store, requests } = context.recorded()
      const plain = context.capabilities.maxPathLength - context.prefix.length + 1
      if (plain <= 1024) await expectError(store.put('a'.repeat(plain), 'a value'), 'invalid_argument')
      const encoded = Math.ceil(plain / 4)
      if (encoded <= 1024) await expectError(store.put('A'.repeat(encoded), 'a value'), 'invalid_argument')
      assert.deepEqual(requests, [])
    },
  },
  {
    id: 'names/longest-path-works',
    title: 'a path of exactly maxPathLength characters is written, read and listed',
    needs: [],
    async run(context) {
      const length = context.capabilities.maxPathLength
      const path = `${context.prefix}${'long'.repeat(length)}`.slice(0, length) as NativePath
      await context.create('at the end of the path', { path })
      assert.equal(await context.readText(path), 'at the end of the path')
      await context.settled(async () => assert.ok((await context.list()).some(entry => entry.path === path)))
    },
  },
  {
    id: 'names/store-prefixes-keep-apart',
    title: 'two stores with prefixes of their own do not see each other’s secrets',
    needs: [],
    async run(context) {
      const one = context.store({ prefix: `${context.prefix}one-` })
      const other = context.store({ prefix: `${context.prefix}two-` })
      await one.put('shared', 'of one')
      await other.put('shared', 'of two')
      await one.put('only-one', 'of one')
      assert.equal((await one.get('shared')).value.revealText(), 'of one')
      assert.equal((await other.get('shared')).value.revealText(), 'of two')
      await context.settled(async () => assert.deepEqual(await namesIn(other), ['shared']))
      await expectError(other.get('only-one'), 'not_found')
    },
  },
  {
    id: 'names/driver-never-encodes',
    title: 'a native path is used and listed as it is',
    needs: [],
    async run(context) {
      const path = context.path(encodeName('Ünïcode/and Case'))
      await context.create('a value', { path })
      await context.settled(async () => {
        const listed = (await context.list()).map(entry => entry.path)
        assert.deepEqual(listed, [path])
      })
      const native = context.store({ naming: 'native' })
      assert.equal((await native.get(encodeName('Ünïcode/and Case'))).value.revealText(), 'a value')
    },
  },
]

/** Names are made new in these cases; where a create is safe, it saves the append that finds nothing. */
function createOptions({ capabilities }: CaseContext): { readonly ifAbsent: true | 'unsafe-check-then-write' } {
  return { ifAbsent: capabilities.create === 'atomic' ? true : 'unsafe-check-then-write' }
}

function fits({ capabilities, prefix }: CaseContext, name: string): boolean {
  return prefix.length + encodeName(name).length <= capabilities.maxPathLength
}

async function namesIn(store: SecretStore): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of store.list()) names.push(name)
  return names.toSorted()
}
