import { memoryMetadata } from '@strongroom/core'
import { metadataCases, runMetadataCases, type StartMetadata } from '@strongroom/conformance/metadata'
import { expect, test } from 'vitest'
import { faults, withFault } from './faults.ts'

const start =
  (id: string): StartMetadata =>
  async clock => {
    const store = memoryMetadata({ clock })
    const fault = faults[id]
    if (fault === undefined) throw new Error(`no fault for ${id}`)
    const shared = new Map<string, unknown>()
    const open = (number: number) => withFault(store, fault(store, { number, clock, shared }))
    return { store: open(1), second: async () => open(2), dispose: () => store.close() }
  }

test('each case has a store that it catches', () => {
  expect(Object.keys(faults).toSorted()).toEqual(metadataCases.map(({ id }) => id).toSorted())
  expect(new Set(metadataCases.map(({ id }) => id)).size).toBe(metadataCases.length)
})

test.each(Object.keys(faults))('%s catches its fault', async id => {
  const report = await runMetadataCases(start(id), { only: [id] })
  expect(report).toMatchObject({ ok: false, passed: 0, failed: 1 })
  // By its own judgement, and not because the fault cannot be run.
  expect(report.cases[0]?.reason).not.toMatch(/is not a function|no fault for|is not over after/)
})

test('a case that does not end is a failure, and its store is disposed of', async () => {
  let disposed = 0
  const report = await runMetadataCases(
    async clock => {
      const store = withFault(memoryMetadata({ clock }), { beginCreate: () => new Promise(() => {}) })
      return { store, dispose: async () => void (disposed += 1) }
    },
    { only: ['writes/find-by-one-of-id-and-key'], caseTimeoutMs: 50 },
  )
  expect([report.failed, disposed]).toEqual([1, 1])
  expect(report.cases[0]?.reason).toContain('is not over after 50 ms')
})

test('without a test runner: a sound store passes all, and a part of the cases is no green run', async () => {
  const sound: StartMetadata = async clock => ({ store: memoryMetadata({ clock }), dispose: async () => {} })
  expect(await runMetadataCases(sound)).toMatchObject({ ok: true, passed: metadataCases.length, failed: 0 })
  expect(await runMetadataCases(sound, { only: ['views/owners'] })).toMatchObject({ ok: false, passed: 1, failed: 0 })
})
