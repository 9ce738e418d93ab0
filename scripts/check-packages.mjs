// Packs every public package and looks at what users would get: publint, attw, and no trace of the source condition.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { pack } from './pack.mjs'
import { run, say } from './workspace.mjs'

const CONDITION = '@strongroom/source'
const folder = mkdtempSync(join(tmpdir(), 'strongroom-pack-'))
let problems = 0
const problem = line => {
  problems += 1
  say(`  ${line}`)
}

try {
  for (const { name, tarball } of pack(folder)) {
    say(name)
    execFileSync('tar', ['-xzf', tarball, '-C', folder])
    const unpacked = join(folder, 'package')
    const manifest = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'))
    for (const file of readdirSync(unpacked, { recursive: true, withFileTypes: true })) {
      const path = join(file.parentPath, file.name)
      if (file.isFile() && readFileSync(path, 'utf8').includes(CONDITION) && !path.endsWith('README.md')) problem(`${file.name} has ${CONDITION}`)
    }
    for (const file of ['README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']) {
      if (!readdirSync(unpacked, { recursive: true }).includes(file)) problem(`${file} is missing`)
    }
    for (const [dependency, version] of Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      if (version.startsWith('workspace:')) problem(`${dependency} is still ${version}`)
    }
    const { messages } = await publint({ pkgDir: unpacked, level: 'suggestion' })
    for (const message of messages) problem(formatMessage(message, manifest))
    if ((await run('attw', [tarball, '--profile', 'esm-only', '--quiet'])) !== 0) problem('attw found a problem')
    rmSync(unpacked, { recursive: true })
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
say(problems === 0 ? '  nothing to complain of' : `  ${problems} problems`)
process.exitCode = problems === 0 ? 0 : 1
