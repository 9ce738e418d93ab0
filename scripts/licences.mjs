// The licences of what is in a bundle: most ask that their text goes where the code goes.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** One text for all packages that files are from, but for this workspace's own. Where a package has no text of its licence, what its manifest says. */
export function licencesOf(files) {
  const folders = new Set(files.filter(file => file.includes('node_modules')).map(packageFolder))
  const texts = [...folders].map(folder => {
    const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = readdirSync(folder).find(one => /^licen[cs]e/i.test(one))
    if (license === undefined) throw new Error(`${name} ${version} names no licence`)
    const text = file === undefined ? `by ${author?.name ?? author ?? 'its contributors'}` : readFileSync(join(folder, file), 'utf8').trim()
    return `${name} ${version} (${license})\n\n${text}\n`
  })
  return `The files beside this one have code of these packages in them.\n\n${texts.toSorted().join(`\n${'-'.repeat(80)}\n\n`)}`
}

/** The nearest folder whose manifest has a name and a version: those without are marks of a module's kind. */
function packageFolder(file) {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (!existsSync(manifest)) continue
    const { name, version } = JSON.parse(readFileSync(manifest, 'utf8'))
    if (name !== undefined && version !== undefined) return folder
  }
}
