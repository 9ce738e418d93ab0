// Makes one file of a package's built JavaScript, since each further file costs about as much to load as it takes to read it
// all (docs/performance.md). The declarations stay as tsc wrote them. Run in the package's folder, after tsc.
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const folder = 'dist'
const bundle = await rolldown({ input: join(folder, 'index.js'), platform: 'node', external: /^node:/ })
const { output } = await bundle.generate({ format: 'esm' })
await bundle.close()
if (output.length !== 1) throw new Error(`one file was expected, there are ${output.length}`)
for (const file of readdirSync(folder, { recursive: true })) if (file.endsWith('.js')) rmSync(join(folder, file))
writeFileSync(join(folder, 'index.js'), output[0].code)
