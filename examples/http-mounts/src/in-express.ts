import { getRequestListener } from '@hono/node-server'
import type { SecretsApp } from '@strongroom/http'
import express, { type Express } from 'express'

/** The service's own routes, and the secrets API under /internal. */
export function inExpress(secrets: SecretsApp): Express {
  const app = express()
  app.disable('x-powered-by')
  const listener = getRequestListener(secrets.fetch, { overrideGlobalObjects: false })
  // Before any body parser: the app reads the body itself, and bounds it.
  app.use('/internal', (request, response) => void listener(request, response))
  app.use(express.json())
  app.get('/', (_request, response) => void response.send('the service itself'))
  return app
}
