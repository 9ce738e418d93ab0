import { getRequestListener } from '@hono/node-server'
import type { SecretsApp } from '@strongroom/http'
import fastify, { type FastifyInstance } from 'fastify'

/** The service's own routes, and the secrets API under /internal. */
export function inFastify(secrets: SecretsApp): FastifyInstance {
  const app = fastify()
  const listener = getRequestListener(secrets.fetch, { overrideGlobalObjects: false })
  app.get('/', async () => 'the service itself')
  app.register(async scope => {
    // Bodies stay where they are in this scope: the app reads them itself, and bounds them.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.all('/internal/*', (request, reply) => {
      reply.hijack()
      request.raw.url = request.url.slice('/internal'.length)
      void listener(request.raw, reply.raw)
    })
  })
  return app
}
