import { stdout } from 'node:process'
import { stripVTControlCharacters, styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

const paint = (style: Style, text: string): string => styleText(style, text, { stream: stdout })

/** What a person reads: numbered steps, the call that each makes, and what came of it. */
export class Transcript {
  #step = 0

  title(text: string, ...lines: readonly string[]): void {
    this.#print('', paint('bold', text), ...lines.map(line => paint('dim', line)))
  }

  /** Says what is about to happen and by which call, does it, and shows the answer as `lines` tells it. */
  async step<T>(what: string, call: string, act: () => Promise<T>, lines: (answer: T) => readonly string[]): Promise<T> {
    this.#step += 1
    this.#print('', paint('bold', `${this.#step}. ${what}`), `   ${paint('cyan', call)}`)
    const startedAt = performance.now()
    const answer = await act()
    const [first = '', ...rest] = lines(answer)
    this.#print(`   ${paint('green', '✓')} ${first} ${paint('dim', `${Math.max(1, Math.round(performance.now() - startedAt))} ms`)}`)
    this.#print(...rest.map(line => `     ${line}`))
    return answer
  }

  table(rows: readonly (readonly string[])[]): readonly string[] {
    const columns = rows[0]?.length ?? 0
    const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map(row => stripVTControlCharacters(row[column] ?? '').length)))
    return rows.map((row, index) => {
      const line = row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()
      return index === 0 ? paint('dim', line) : line
    })
  }

  #print(...lines: readonly string[]): void {
    for (const line of lines) stdout.write(`${line}\n`)
  }
}
