import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

export const root: string = resolve(import.meta.dirname, '..', '..')

/** A fenced block of TypeScript: ```ts, and perhaps `no-run` and `file=name.ts` after it. */
export interface Block {
  /** Of the page, from the root. */
  readonly page: string
  /** The line of the opening fence, from 1. */
  readonly line: number
  readonly run: boolean
  readonly file: string
  readonly code: string
}

/** Every page that people read, from the root. */
export const pages: readonly string[] = globSync(['*.md', 'docs/**/*.md', 'packages/*/README.md', 'examples/*/README.md'], { cwd: root }).toSorted()

export function textOf(page: string): string {
  return readFileSync(join(root, page), 'utf8')
}

export function blocksOf(page: string, text: string = textOf(page)): readonly Block[] {
  return fences(text)
    .filter(({ info }) => /^(ts|typescript)\b/.test(info))
    .map(({ info, line, code }) => ({
      page,
      line,
      code,
      run: !info.split(' ').includes('no-run'),
      file: /\bfile=(\S+)/.exec(info)?.[1] ?? `line-${line}.ts`,
    }))
}

function fences(text: string): readonly { readonly info: string; readonly line: number; readonly code: string }[] {
  const found: { info: string; line: number; code: string }[] = []
  let open: { info: string; line: number; lines: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^\s*```(.*)$/.exec(line)
    if (fence === null) open?.lines.push(line)
    else if (open === undefined) open = { info: (fence[1] ?? '').trim(), line: index + 1, lines: [] }
    else {
      found.push({ info: open.info, line: open.line, code: `${open.lines.join('\n')}\n` })
      open = undefined
    }
  }
  if (open !== undefined) throw new Error(`the block that begins in line ${open.line} does not end`)
  return found
}

/** The lines that a block says it prints: what follows each `// →`. */
export function expectedOutput(code: string): readonly string[] {
  return [...code.matchAll(/\/\/ → (.*)$/gm)].map(match => (match[1] ?? '').trimEnd())
}

/** Relative links of a page that lead nowhere, and anchors that their page has not. */
export function brokenLinks(page: string, text: string = textOf(page)): readonly string[] {
  const prose = withoutCode(text)
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(match => match[1] ?? '')
  return targets
    .filter(target => !/^[a-z]+:/.test(target))
    .flatMap(target => {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : relative(root, resolve(root, dirname(page), path))
      if (!existsSync(join(root, file))) return [`${target}: there is no ${file}`]
      if (anchor === undefined) return []
      const there = anchorsOf(path === '' ? text : textOf(file))
      return there.includes(anchor) ? [] : [`${target}: ${file} has no heading for #${anchor}`]
    })
}

/** The pages that a page links to, from the root. */
export function linksOf(page: string): readonly string[] {
  return [...withoutCode(textOf(page)).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(match => relative(root, resolve(root, dirname(page), match[1] ?? '')))
}

/** As GitHub makes them. */
function anchorsOf(text: string): readonly string[] {
  const headings = [...withoutCode(text, { inline: false }).matchAll(/^#{1,6} (.+)$/gm)].map(match => match[1] ?? '')
  return headings.map(heading =>
    heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  )
}

function withoutCode(text: string, { inline = true }: { readonly inline?: boolean } = {}): string {
  const prose = text.replaceAll(/^\s*```[\s\S]*?^\s*```/gm, '')
  return inline ? prose.replaceAll(/`[^`\n]*`/g, '') : prose
}

/** The rows of the tables of a text, each a list of cells without backquotes; heads and rules left out. */
export function rowsOf(text: string): readonly (readonly string[])[] {
  const lines = text.split('\n')
  return lines
    .filter((line, index) => line.startsWith('|') && !isRule(line) && !isRule(lines[index + 1]))
    .map(line =>
      line
        .slice(1, -1)
        .split('|')
        .map(cell => cell.trim().replaceAll('`', '')),
    )
}

function isRule(line: string | undefined): boolean {
  return line !== undefined && /^\|[\s:|-]+\|$/.test(line)
}
