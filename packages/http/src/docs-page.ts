import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { SecretError } from '@strongroom/core'

/** A file of the page that shows the document to a person. */
export interface DocsFile {
  readonly body: string | Uint8Array
  readonly type: string
}

/** Nothing from elsewhere: neither a script, nor a style, nor a request. */
export const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Strongroom secrets</title>
    <link rel="icon" type="image/png" href="docs/favicon-32x32.png">
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <div id="page"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`

const START = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#page', deepLinking: true, validatorUrl: null, persistAuthorization: false })
`

const TYPES: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

/** The files of Swagger UI, of the package `swagger-ui-dist`. @throws SecretError `misconfigured` when it is not installed */
export function docsFiles(): (name: string) => Promise<DocsFile | undefined> {
  const folder = folderOf('swagger-ui-dist')
  // Everyone who asks for one is sent the same bytes.
  const known = new Map<string, Uint8Array>()
  return async name => {
    if (name === '') return { body: PAGE, type: 'text/html; charset=utf-8' }
    if (name === 'start.js') return { body: START, type: 'text/javascript; charset=utf-8' }
    const type = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined
    if (type === undefined) return undefined
    const body = known.get(name) ?? (await readFile(join(folder, name)))
    known.set(name, body)
    return { body, type }
  }
}

function folderOf(name: string): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))
  } catch {
    const hint = `docs needs a package that is not installed: npm install ${name}`
    throw SecretError.refused('misconfigured', 'createSecretsApp', { hint })
  }
}
