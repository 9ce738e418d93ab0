import assert from 'node:assert/strict'
import { encodeName, type NativePath } from '@strongroom/core'
import { binary, type CaseContext } from '../case-context.ts'
import { nastyTexts } from '../data/values.ts'
import type { DriverCase } from '../driver-case.ts'
import { assertBytes } from '../expect.ts'

const encoder = new TextEncoder()

export const outOfBandCases: readonly DriverCase[] = [
  {
    id: 'out-of-band/writes-reach-the-backend',
    title: 'what the driver writes is found in the backend as soon as the write has answered',
    needs: ['outOfBand'],
    async run(context) {
      const { path } = await context.create('one')
      await expectOutside(context, path, 'one')
      await context.append(path, 'two')
      await expectOutside(context, path, 'two')
    },
  },
  {
    id: 'out-of-band/reads-come-from-the-backend',
    title: 'what someone else writes is what the driver reads: nothing is kept in between',
    needs: ['outOfBand'],
    async run(context) {
      const { path } = await context.create('one')
      assert.equal(await context.readText(path), 'one')
      await context.hooks.outOfBand.write(path, encoder.encode('from outside'))
      assert.equal(await context.readText(path), 'from outside')
      await context.hooks.outOfBand.write(path, encoder.encode('from outside again'))
      assert.equal(await context.readText(path), 'from outside again')
    },
  },
  {
    id: 'out-of-band/pinned-versions-stay',
    title: 'a version that was read by its id is the same after someone else has written',
    needs: ['outOfBand'],
    async run(context) {
      const { path, version } = await context.create('one')
      await context.hooks.outOfBand.write(path, encoder.encode('from outside'))
      assert.equal(await context.readText(path, version), 'one')
    },
  },
  {
    id: 'out-of-band/values-are-stored-as-given',
    title: 'outsiders read each text byte for byte',
    needs: ['outOfBand'],
    async run(context) {
      const { path } = await context.create('to begin with')
      for (const [what, value] of nastyTexts) {
        await context.append(path, value)
        const found = await context.hooks.outOfBand.read(path)
        assert.ok(found !== undefined, what)
        assertBytes(found, encoder.encode(value), what)
      }
    },
  },
  {
    id: 'out-of-band/binary-is-stored-as-given',
    title: 'outsiders read binary byte for byte, once it is decoded from the backend’s own form',
    needs: ['outOfBand'],
    async run(context) {
      const bytes = Uint8Array.of(0, 255, 254, 13, 10, 0)
      const { path } = await context.create(binary(bytes))
      const found = await context.hooks.outOfBand.read(path)
      assert.ok(found !== undefined)
      assertBytes(found, bytes, 'binary')
    },
  },
  {
    id: 'out-of-band/names-are-encoded-by-core-alone',
    title: 'a store’s secret is found in the backend under its prefix and the portable encoding of its name',
    needs: ['outOfBand'],
    async run(context) {
      for (const name of ['Payments/Stripe key', 'größe', 'plain']) {
        await context.store().put(name, `value of ${name}`)
        await expectOutside(context, context.path(encodeName(name)), `value of ${name}`)
      }
    },
  },
  {
    id: 'out-of-band/staged-is-not-seen-outside',
    title: 'outsiders do not see a staged version before it is promoted',
    needs: ['outOfBand', 'capability:current=on_promote'],
    async run(context) {
      const { path, version: from } = await context.create('one')
      const version = await context.append(path, 'two', { staged: true })
      await expectOutside(context, path, 'one')
      await context.driver.promote({ path, version, from }, context.call())
      await expectOutside(context, path, 'two')
    },
  },
  {
    id: 'out-of-band/purged-is-gone-outside',
    title: 'outsiders find nothing after a purge',
    needs: ['outOfBand'],
    async run(context) {
      const { path } = await context.create('one')
      await context.purgeWholly(path)
      await context.settled(async () => {
        const found = await context.hooks.outOfBand.read(path).catch(() => undefined)
        assert.equal(found, undefined)
      })
    },
  },
]

async function expectOutside(context: CaseContext, path: NativePath, value: string): Promise<void> {
  const found = await context.hooks.outOfBand.read(path)
  assert.ok(found !== undefined, 'outsiders find it')
  assertBytes(found, encoder.encode(value), 'what outsiders find')
}
