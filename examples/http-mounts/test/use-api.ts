import { createSecretsClient } from '@strongroom/http/client'
import { expect } from 'vitest'

export const KEY = 'the-key'
const VALUE = 'the-value'

/** Uses the API at a URL, whatever serves it there, with bodies of at most 1000 bytes. */
export async function useApi(url: string): Promise<void> {
  const client = createSecretsClient({ baseUrl: url, apiKey: KEY, account: 'acme' })
  const made = await client.create({ key: 'stripe-key', value: VALUE })
  expect((await client.update(made.id, { description: 'x' }, { ifMatch: made.etag })).description).toBe('x')
  expect((await client.list()).total).toBe(1)
  await expect(client.create({ key: 'stripe-key', value: VALUE })).rejects.toMatchObject({ status: 409, code: 'already_exists' })
  await expect(client.create({ key: 'large', value: 'x'.repeat(1000) })).rejects.toMatchObject({ status: 413, code: 'body_too_large' })
  await client.delete(made.id)
  expect((await client.list()).total).toBe(0)
  const headers = { 'x-api-key': KEY, 'content-type': 'application/json' }
  const created = await fetch(`${url}/v5/sgp/secrets`, { method: 'POST', headers, body: JSON.stringify({ key: 'found', value: VALUE }) })
  const { id } = (await created.json()) as { readonly id: string }
  const found = await fetch(new URL(created.headers.get('location') ?? '', created.url), { headers })
  expect([found.status, ((await found.json()) as { readonly id: string }).id]).toEqual([200, id])
  const { servers } = (await (await fetch(`${url}/openapi.json`)).json()) as { readonly servers: readonly { readonly url: string }[] }
  expect(servers.map(server => new URL(server.url, `${url}/openapi.json`).href)).toEqual([`${url}/`])
  const broken = await fetch(`${url}/v5/sgp/secrets`, { method: 'POST', headers, body: `{"value":"${VALUE}` })
  expect([broken.status, broken.headers.get('content-type'), (await broken.text()).includes(VALUE)]).toEqual([400, 'application/problem+json', false])
  expect((await fetch(`${url}/nowhere`)).headers.get('content-type')).toBe('application/problem+json')
  expect((await fetch(`${url}/v5/sgp/secrets`, { method: 'PUT', headers })).headers.get('allow')).toBe('GET, HEAD, POST')
}
