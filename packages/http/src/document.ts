import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'

/** The OpenAPI 3.1 document of the routes. */
export function openApiDocument(routes: readonly RouteConfig[]): object {
  const app = new OpenAPIHono()
  const { openAPIRegistry } = app
  const apiKey = (name: string, description: string) => ({ type: 'apiKey', in: 'header', name, description }) as const
  for (const route of routes) openAPIRegistry.registerPath(route)
  openAPIRegistry.registerComponent('securitySchemes', 'apiKey', apiKey('x-api-key', 'A key that the operator gave out.'))
  openAPIRegistry.registerComponent(
    'securitySchemes',
    'selectedAccount',
    apiKey('x-selected-account-id', 'The account; may be left out where the caller has one.'),
  )
  openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' })
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Strongroom secrets',
      version: '5',
      description: 'Account-level secrets. Values go to the cloud’s own secret store; what is kept here is what is known of them.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    // Beside the document, wherever the app is mounted.
    servers: [{ url: '.' }],
    tags: [
      { name: 'Secrets', description: 'The secrets of the selected account.' },
      { name: 'Operation', description: 'For those who run the server.' },
    ],
  })
}
