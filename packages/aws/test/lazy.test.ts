import { firstCall } from '@strongroom/testbed'
import { expect, test } from 'vitest'

const options = { region: 'eu-west-1', endpoint: 'http://127.0.0.1:9', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } }

test('the SDK is loaded by the first call, not by the import, nor by making a driver', async () => {
  const { before, after, code, effect } = await firstCall(new URL('../src/index.ts', import.meta.url), 'aws', options, /[@/](aws-sdk|smithy)/)
  expect(before).toBe(0)
  expect(after).toBeGreaterThan(0)
  expect([code, effect]).toEqual(['unavailable', 'none'])
})
