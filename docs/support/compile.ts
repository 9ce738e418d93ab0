import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { root, type Block } from './markdown.ts'

/** How long a block may run, in milliseconds: one of them runs the kit. */
export const BLOCK_MS = 90_000

const REGISTRY = `import type { Authorize, SecretDriver } from '@strongroom/core'
declare const stores: Readonly<Record<string, SecretDriver>>
declare const authorize: Authorize`

/** What a page of a package leaves to the reader: declared for its blocks, or a file beside them. */
const LEFT_TO_THE_READER: Readonly<Record<string, { readonly declared?: string; readonly files?: Readonly<Record<string, string>> }>> = {
  'packages/sqlite/README.md': { declared: REGISTRY },
  'packages/postgres/README.md': { declared: `${REGISTRY}\ndeclare function log(error: Error): void` },
  'packages/conformance/README.md': {
    files: {
      '../src/index.ts': `import type { MetadataStore, SecretDriver } from '@strongroom/core'
export declare function exampleDriver(options: { readonly endpoint: string }): SecretDriver
export declare function exampleMetadata(options: { readonly path: string; readonly clock: () => Date }): MetadataStore
export declare function makeDatabase(): Promise<{ readonly path: string; remove(): Promise<void> }>`,
    },
  },
}

/** The folder where blocks are written: in the workspace, so that its packages are found, and ignored by git. */
export function makeFolder(): string {
  mkdirSync(join(root, '.reports'), { recursive: true })
  return mkdtempSync(join(root, '.reports', 'docs-'))
}

export function fileOf(folder: string, { page, file }: Pick<Block, 'page' | 'file'>): string {
  return join(folder, page.replaceAll(/[^a-zA-Z0-9]+/g, '-'), 'blocks', file)
}

/** Writes the blocks and compiles them all in one run; answers the compiler's complaints by the block's file, with the line in its page. */
export async function compile(folder: string, blocks: readonly Block[]): Promise<ReadonlyMap<string, readonly string[]>> {
  for (const block of blocks) {
    const { declared = '', files = {} } = LEFT_TO_THE_READER[block.page] ?? {}
    // At the end, where it moves no line; `export {}` makes every block a module of its own.
    write(fileOf(folder, block), `${block.code}${declared}\nexport {}\n`)
    for (const [file, text] of Object.entries(files)) write(fileOf(folder, { page: block.page, file }), text)
  }
  // What an adapter's caller has of the SDK too; it is not the workspace's own.
  const paths = { pg: [join(root, 'packages', 'postgres', 'node_modules', '@types', 'pg', 'index.d.mts')] }
  const compilerOptions = { rootDir: root, declaration: false, isolatedDeclarations: false, noUnusedLocals: false, paths }
  const tests = `${relative(folder, join(root, 'docs'))}/**/*.ts`
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.base.json', compilerOptions, include: ['**/*.ts', tests] }))
  const output = await run(join(root, 'node_modules', '.bin', 'tsc'), ['-p', folder, '--pretty', 'false'], { cwd: root, timeout: 110_000 })
  if (output.killed) throw new Error('tsc did not end in time')
  const complaints = new Map<string, string[]>()
  const byFile = new Map(blocks.map(block => [fileOf(folder, block), block]))
  for (const [, file = '', line = '', message = ''] of output.stdout.matchAll(/^(\S.*?)\((\d+),\d+\): (.*)$/gm)) {
    const path = join(root, file)
    const block = byFile.get(path)
    const where = block === undefined ? `${file}:${line}` : `${block.page}:${block.line + Number(line)}`
    complaints.set(path, [...(complaints.get(path) ?? []), `${where}: ${message}`])
  }
  if (output.code !== 0 && complaints.size === 0) throw new Error(`tsc failed: ${output.stdout}${output.stderr}`)
  return complaints
}

/** Runs a block in a directory of its own, without the workspace's environment. */
export async function runBlock(file: string): Promise<Output> {
  const cwd = mkdtempSync(join(tmpdir(), 'strongroom-docs-'))
  try {
    const env = { PATH: process.env['PATH'], HOME: cwd, NO_COLOR: '1' }
    return await run(process.execPath, ['--conditions=@strongroom/source', file], { cwd, env, timeout: BLOCK_MS })
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

interface Output {
  readonly code: number
  readonly killed: boolean
  readonly stdout: string
  readonly stderr: string
}

function run(command: string, args: readonly string[], options: { cwd: string; timeout: number; env?: NodeJS.ProcessEnv }): Promise<Output> {
  return new Promise(done => {
    execFile(command, args, { ...options, maxBuffer: 10_000_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      done({ code, killed: error?.killed === true, stdout, stderr })
    })
  })
}

/** Whether a printed line is what the page says; `…` there stands for anything. */
export function isAsSaid(said: string, printed: string): boolean {
  const pattern = said
    .split('…')
    .map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*')
  return new RegExp(`^${pattern}$`).test(printed)
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
