import Table from 'cli-table3'

/** One document as JSON: dates in ISO 8601. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Rows that fit the terminal; on a pipe, as wide as they are. */
export function printTable(head: readonly string[], rows: readonly (readonly (string | number | null | undefined)[])[]): void {
  const cells = rows.map(row => row.map(cell => printable(String(cell ?? ''))))
  const widths = head.map((name, index) => Math.max(name.length, ...cells.map(row => row[index]?.length ?? 0)) + 2)
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '',
    },
    colWidths: fitted(widths, process.stdout.columns),
  })
  table.push(...cells)
  for (const line of table.toString().split('\n')) process.stdout.write(`${line.trimEnd()}\n`)
}

export function dateText(date: Date | null | undefined): string {
  return date?.toISOString().replace(/\.\d+Z$/, 'Z') ?? ''
}

/** Text of others could move the cursor, or write what is not there. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '·')
}

/** The widest columns give way until all fit. */
function fitted(widths: readonly number[], columns: number | undefined): number[] {
  const own = [...widths]
  const least = 8
  while (columns !== undefined && own.reduce((sum, width) => sum + width, 0) > columns) {
    const widest = own.indexOf(Math.max(...own))
    if ((own[widest] ?? 0) <= least) break
    own[widest] = (own[widest] ?? 0) - 1
  }
  return own
}
