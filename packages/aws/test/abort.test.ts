import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { awsSecretStore } from '@strongroom/aws'
import { expect, test } from 'vitest'

test('an abort ends the request of its own call, and no other, though the SDK’s middleware is one for all', async () => {
  const server = createServer((request, response) => void answer(request, response))
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { SecretId: name } = (await json(request)) as { readonly SecretId: string }
    if (name === 'held') server.emit('held', response)
    else response.end(JSON.stringify({ Name: name, VersionId: 'v1', SecretString: name }))
  }
  await once(server.listen(0, '127.0.0.1'), 'listening')
  await using closing = new AsyncDisposableStack()
  closing.defer(() => void server.close())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await using store = awsSecretStore({ region: 'eu-west-1', endpoint, credentials: { accessKeyId: 'A', secretAccessKey: 'B' } })
  const controller = new AbortController()
  const arrived = once(server, 'held')
  const held = store.get('held', { signal: controller.signal })
  const [response] = (await arrived) as [NodeJS.EventEmitter]
  const ended = once(response, 'close')
  const other = store.get('other')
  controller.abort()
  await expect(held).rejects.toMatchObject({ code: 'aborted' })
  await ended
  expect((await other).value.revealText()).toBe('other')
})
