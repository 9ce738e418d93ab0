import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment, root } from './workspace.mjs'

/**
 * Packs every public package, as it would be published, into a folder. They must have been built.
 * @param {string} folder
 * @returns {{ name: string, tarball: string }[]}
 */
export function pack(folder) {
  return readdirSync(join(root, 'packages')).flatMap(directory => {
    const place = join(root, 'packages', directory)
    const { name, version, private: unpublished } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'))
    if (unpublished) return []
    if (!existsSync(join(place, 'dist', 'index.js'))) throw new Error(`${name} is not built; run: npm run build`)
    execFileSync('pnpm', ['pack', '--pack-destination', folder], { cwd: place, env: environment, stdio: ['ignore', 'ignore', 'inherit'] })
    return [{ name, tarball: join(folder, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`) }]
  })
}
