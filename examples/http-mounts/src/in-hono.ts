import { Hono } from 'hono'
import type { SecretsApp } from '@strongroom/http'

/** The service's own routes, and the secrets API under /internal. */
export function inHono(secrets: SecretsApp): Hono {
  const app = new Hono()
  app.get('/', context => context.text('the service itself'))
  app.mount('/internal', secrets.fetch)
  return app
}
