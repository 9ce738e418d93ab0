import { existsSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { stringify } from 'yaml'
import type { Answers, Fields } from './answers.ts'

const SCHEMA = 'node_modules/strongroom/config.schema.json'

/** The file, with what a person needs to change it. */
export function configText(file: string, { store, metadata }: Answers): string {
  const parts = [
    `# yaml-language-server: $schema=${schemaFrom(file)}
# What Strongroom opens. \${NAME} and \${NAME:-default} are variables of the environment, relative paths begin at this file.
# Credentials never stand here: { env: NAME } or { file: PATH }; without any, the cloud's own chain is asked.
`,
    section('stores', { main: store }).replace(
      'stores:\n',
      'stores:\n  # A name is bound to its place for good: another cloud, region or folder is another store with another name beside it.\n',
    ),
    `# Where new secrets go. To swap the cloud, name another store here; what the old one holds is still read from it.\n${section('writeTo', 'main')}`,
    metadata === undefined
      ? `# The database of the registry: keys, descriptions, where each secret is, and the audit trail; never a value. Without it there are stores alone.
# metadata:
#   type: sqlite
#   path: ./meta.db
`
      : `# The database of the registry: keys, descriptions, where each secret is, and the audit trail; never a value.\n${section('metadata', metadata)}`,
    `# Who may do what, for services that open this file. The command line may do all that the credentials allow.
# authorization:
#   - actors: [checkout]
#     accounts: [acme]
#     actions: [secret.read_value]
`,
    `# How many versions of a secret are kept, the committed one included.
# policy:
#   keepVersions: 2
`,
  ]
  return parts.join('\n')
}

function section(name: string, value: Fields | string): string {
  return stringify({ [name]: value }, { lineWidth: 0 })
}

/** The schema that is installed beside the file or above it; otherwise where it will be. */
function schemaFrom(file: string): string {
  const folder = dirname(resolve(file))
  for (let at = folder; ; at = dirname(at)) {
    const found = existsSync(join(at, SCHEMA))
    if (found || dirname(at) === at) return relative(folder, join(found ? at : folder, SCHEMA)).replaceAll('\\', '/')
  }
}
