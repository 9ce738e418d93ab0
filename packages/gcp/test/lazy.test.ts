import { firstCall } from '@strongroom/testbed'
import { expect, test } from 'vitest'

const options = { projectId: 'strongroom-test', endpoint: 'http://127.0.0.1:9' }

test('the SDK is loaded by the first call, not by the import, nor by making a driver', async () => {
  const { before, after, code, effect } = await firstCall(
    new URL('../src/index.ts', import.meta.url),
    'gcp',
    options,
    /node_modules\/(@google-cloud|google-gax|google-auth-library|@grpc|protobufjs)/,
  )
  expect(before).toBe(0)
  expect(after).toBeGreaterThan(0)
  expect([code, effect]).toEqual(['unavailable', 'none'])
})
