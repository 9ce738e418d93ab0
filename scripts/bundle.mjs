// Makes few files of a package's built JavaScript, since each further file costs about as much to load as it takes to read it
// all (docs/performance.md). The comments are in the declarations, which stay as tsc wrote them. Run in the package's folder, after tsc, with the entries:
// `bundle.mjs index client/index`. What follows --command is a program: its dependencies are in it too, and their licences beside it.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { rolldown } from 'rolldown'
import { licencesOf } from './licences.mjs'

const folder = 'dist'
/** Zod's messages in sixty languages, a quarter of a megabyte. Ours are our own, and what falls through is English. */
const untranslated = {
  name: 'untranslated',
  resolveId: (id, importer) => (/[\\/]zod[\\/]/.test(importer ?? '') && id.endsWith('/locales/index.js') ? '\0no-locales' : undefined),
  load: id => (id === '\0no-locales' ? 'export {}' : undefined),
}

const { values, positionals } = parseArgs({ options: { command: { type: 'string' } }, allowPositionals: true })

const comments = { legal: true, annotation: true, jsdoc: false }
const built = await bundle(positionals, { isExternal: id => /^[^./]/.test(id), chunkFileNames: '[name].js', comments })
if (values.command !== undefined) built.push(...(await bundleCommand(values.command)))
for (const file of readdirSync(folder, { recursive: true })) if (file.endsWith('.js')) rmSync(join(folder, file))
for (const { fileName, code } of built) {
  mkdirSync(dirname(join(folder, fileName)), { recursive: true })
  writeFileSync(join(folder, fileName), code)
}

async function bundle(entries, { isExternal, plugins, ...output }) {
  const input = Object.fromEntries(entries.map(entry => [entry, join(folder, `${entry}.js`)]))
  const made = await rolldown({
    input,
    platform: 'node',
    external: (id, _, isResolved) => !isResolved && isExternal(id),
    plugins,
    // What is loaded later, or by another entry, takes from an entry what it needs, under names of a letter or two: a file for that would cost more than
    // it saves.
    preserveEntrySignatures: 'allow-extension',
  })
  const { output: files } = await made.generate({ format: 'esm', ...output })
  await made.close()
  return files
}

async function bundleCommand(entry) {
  const { peerDependencies = {} } = JSON.parse(readFileSync('package.json', 'utf8'))
  // An adapter is there or not, and has the same core.
  const apart = new Set(['@strongroom/core', ...Object.keys(peerDependencies)])
  const files = await bundle([entry], {
    isExternal: id =>
      id.startsWith('node:') ||
      apart.has(
        id
          .split('/')
          .slice(0, id.startsWith('@') ? 2 : 1)
          .join('/'),
      ),
    plugins: [untranslated],
    chunkFileNames: `${dirname(entry)}/[name].js`,
    comments: { legal: true, annotation: false, jsdoc: false },
    // What help needs.
    codeSplitting: { groups: [{ name: 'program', test: /[\\/]commander[\\/]|[\\/]cli[\\/](?:program|exit-codes|version)\.js$/ }] },
  })
  return [...files, { fileName: join(dirname(entry), 'LICENSES.txt'), code: licencesOf(files.flatMap(({ moduleIds }) => moduleIds)) }]
}
