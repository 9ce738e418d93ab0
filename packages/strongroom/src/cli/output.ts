import Table from 'cli-table3'
import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'

type Row = readonly string[]

/** Columns between two cells. */
const GAP = 2
/** No column is made narrower; where that is too much, a row becomes a block of lines. */
const LEAST = 12
const NO_BORDER = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid'].flatMap(name => [name, `${name}-mid`, `${name}-left`, `${name}-right`]).map(name => [name, '']),
)

/** One document as JSON: dates in ISO 8601. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Rows that fit the terminal, nothing left out; on a pipe, as wide as they are. Where columns do not fit, each row is a block, a line a cell. */
export function printTable(head: readonly string[], rows: readonly (readonly (string | number | null | undefined)[])[]): void {
  const cells = rows.map(row => row.map(cell => printable(String(cell ?? ''))))
  const columns = process.stdout.isTTY ? process.stdout.columns : undefined
  const widths = fitted(widthsOf([head, ...cells]), columns)
  if (widths !== undefined) return printLines([head, ...cells], widths)
  const name = Math.max(...head.map(one => stringWidth(one)))
  for (const [index, row] of cells.entries()) {
    if (index > 0) process.stdout.write('\n')
    const pairs = row.flatMap((cell, at) => (cell === '' ? [] : [[head[at] ?? '', cell]]))
    printLines(pairs, [name, Math.max(1, (columns ?? 0) - name - GAP)])
  }
}

export function dateText(date: Date | null | undefined): string {
  return date?.toISOString().replace(/\.\d+Z$/, 'Z') ?? ''
}

/** Text of others could move the cursor, or write what is not there. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '·')
}

function printLines(rows: readonly Row[], widths: readonly number[]): void {
  const table = new Table({
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': GAP },
    chars: { ...NO_BORDER, middle: '' },
  })
  table.push(...rows.map(row => row.map((cell, index) => wrapAnsi(cell, widths[index] ?? LEAST, { hard: true }))))
  for (const line of table.toString().split('\n')) process.stdout.write(`${line.trimEnd()}\n`)
}

function widthsOf(rows: readonly Row[]): readonly number[] {
  return (rows[0] ?? []).map((_, index) => Math.max(...rows.map(row => stringWidth(row[index] ?? ''))))
}

/** The widest columns give way until all fit; undefined when they cannot. */
function fitted(widths: readonly number[], columns: number | undefined): readonly number[] | undefined {
  const own = [...widths]
  const room = columns === undefined ? Infinity : columns - GAP * (own.length - 1)
  while (own.reduce((sum, width) => sum + width, 0) > room) {
    const widest = own.indexOf(Math.max(...own))
    if ((own[widest] ?? 0) <= LEAST) return undefined
    own[widest] = (own[widest] ?? 0) - 1
  }
  return own
}
