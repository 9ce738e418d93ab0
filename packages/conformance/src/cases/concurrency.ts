import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { isSecretError, type SecretDriver, type VersionId } from '@strongroom/core'
import { text, type CaseContext } from '../case-context.ts'
import type { DriverCase } from '../driver-case.ts'
import { currentOf, lost, race, won } from '../expect.ts'

const WRITERS = 8

export const concurrencyCases: readonly DriverCase[] = [
  {
    id: 'concurrency/all-appends-are-kept',
    title: 'appends at the same time are all kept, each under its own version, with its own value',
    needs: [],
    async run(context) {
      const { path, version: first } = await context.create('the first')
      const written = await Promise.all(
        Array.from({ length: WRITERS }, async (_, index) => [await context.append(path, `writer ${index}`), `writer ${index}`] as const),
      )
      assert.equal(new Set([first, ...written.map(([version]) => version)]).size, WRITERS + 1, 'versions are distinct')
      for (const [version, value] of written) assert.equal(await context.readText(path, version), value)
      assert.equal((await context.versions(path)).length, WRITERS + 1)
      const current = await currentOf(context, path)
      assert.ok(
        written.some(([version]) => version === current),
        'one of them is current',
      )
    },
  },
  {
    id: 'concurrency/compared-appends-one-wins',
    title: 'of appends at the same time after the same version one wins, and the others fail as conflict',
    needs: ['capability:appendAfter=compared'],
    async run(context) {
      const { path, version: after } = await context.create('the first')
      const results = await race(WRITERS, async index => ({ index, version: await context.append(path, `writer ${index}`, { after }) }))
      const winners = won(results)
      assert.equal(winners.length, 1, `one append wins, not ${winners.length}`)
      for (const error of lost(results)) assert.equal(context.driver.classify(error).code, 'conflict')
      assert.equal(await context.readText(path), `writer ${winners[0]?.index}`)
      assert.equal((await context.versions(path)).length, 2)
    },
  },
  {
    id: 'concurrency/readers-see-whole-versions',
    title: 'a read while others write gets a version and exactly its value',
    needs: [],
    async run(context) {
      const { path, version: first } = await context.create('value 0')
      const values = new Map<VersionId, string>([[first, 'value 0']])
      const reads: (readonly [VersionId, string])[] = []
      const writing = new AbortController()
      const reader = async (): Promise<void> => {
        while (!writing.signal.aborted) {
          const { version, payload } = await context.read(path)
          reads.push([version, new TextDecoder().decode(payload.bytes)])
        }
      }
      const readers = [reader(), reader()]
      for (let index = 1; index <= 6; index += 1) values.set(await context.append(path, `value ${index}`), `value ${index}`)
      writing.abort()
      await Promise.all(readers)
      for (const [version, value] of reads) assert.equal(value, values.get(version))
    },
  },
  {
    id: 'concurrency/two-drivers-one-creator-wins',
    title: 'of creators in two drivers on one place one wins',
    needs: ['second', 'capability:create=atomic'],
    async run(context) {
      const path = context.path()
      const results = await race(WRITERS, async index => {
        const driver: SecretDriver = index % 2 === 0 ? context.driver : context.hooks.second
        await driver.create({ path, payload: text(`racer ${index}`), labels: {}, token: randomUUID() }, context.call())
        return index
      })
      assert.equal(won(results).length, 1, `one creator wins, not ${won(results).length}`)
      assert.equal(await context.readText(path), `racer ${won(results)[0]}`)
    },
  },
  {
    id: 'concurrency/two-drivers-all-appends-are-kept',
    title: 'appends by two drivers on one place are all kept',
    needs: ['second'],
    async run(context) {
      const { path } = await context.create('the first')
      const written = await Promise.all(
        Array.from({ length: WRITERS }, async (_, index) => {
          const driver: SecretDriver = index % 2 === 0 ? context.driver : context.hooks.second
          const request = { path, payload: text(`writer ${index}`), token: randomUUID(), after: undefined, staged: false }
          return [(await driver.append(request, context.call())).version, `writer ${index}`] as const
        }),
      )
      assert.equal(new Set(written.map(([version]) => version)).size, WRITERS, 'versions are distinct')
      for (const [version, value] of written) assert.equal(await context.readText(path, version), value)
    },
  },
  {
    id: 'concurrency/puts-to-a-new-name',
    title: 'a store’s puts at the same time to a name that is new are all kept',
    needs: ['capability:create=atomic'],
    async run(context) {
      const store = context.store()
      const written = await Promise.all(
        Array.from({ length: WRITERS }, async (_, index) => [(await store.put('shared', `writer ${index}`)).version, `writer ${index}`] as const),
      )
      assert.equal(new Set(written.map(([version]) => version)).size, WRITERS, 'versions are distinct')
      for (const [version, value] of written) assert.equal((await store.get('shared', { version })).value.revealText(), value)
    },
  },
  {
    id: 'concurrency/if-absent-one-wins',
    title: 'of puts with ifAbsent at the same time one wins, and the others fail as already_exists',
    needs: ['capability:create=atomic'],
    async run(context) {
      const store = context.store()
      const results = await race(WRITERS, async index => {
        await store.put('shared', `writer ${index}`, { ifAbsent: true })
        return index
      })
      assert.equal(won(results).length, 1)
      for (const error of lost(results)) assert.ok(isSecretError(error, 'already_exists'))
      assert.equal((await store.get('shared')).value.revealText(), `writer ${won(results)[0]}`)
    },
  },
  {
    id: 'concurrency/if-version-one-wins',
    title: 'of puts with the same ifVersion at the same time one wins, and its value is what readers get',
    needs: [],
    async run(context) {
      if (!canCompare(context)) context.skip('applies only where a put can be compared')
      const store = context.store()
      const { version: ifVersion } = await store.put('shared', 'the first')
      const results = await race(WRITERS, async index => {
        const { version } = await store.put('shared', `writer ${index}`, { ifVersion })
        return { index, version }
      })
      const winners = won(results)
      assert.equal(winners.length, 1, `one put wins, not ${winners.length}`)
      for (const error of lost(results)) assert.ok(isSecretError(error, 'conflict'), `fails as conflict: ${String(error)}`)
      const read = await store.get('shared')
      assert.equal(read.value.revealText(), `writer ${winners[0]?.index}`)
      assert.equal(read.version, winners[0]?.version)
    },
  },
]

function canCompare({ capabilities }: CaseContext): boolean {
  return capabilities.appendAfter === 'compared' || capabilities.current === 'on_promote'
}
