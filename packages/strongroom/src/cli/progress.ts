import cliProgress, { type Params } from 'cli-progress'

export interface ProgressOptions {
  /** What is done, in a word or two: `reconcile`. */
  readonly label: string
  /** What is counted, in the plural: `records`. A function where what it says changes. */
  readonly unit: string | (() => string)
  /** How many there will be; without it there is neither a bar nor a remaining time. */
  readonly total?: number | undefined
  /** From `--json`: then there is no progress. */
  readonly json?: boolean | undefined
  /** The command writes lines to standard output meanwhile: where that is the same terminal, there is no progress. */
  readonly prints?: boolean | undefined
}

/** `using progress = startProgress(…)`: it is taken off the terminal however its block ends. */
export interface Progress extends Disposable {
  /** So many more are done; 1 by default. */
  add(count?: number): void
  /** Takes it off the terminal. May be called twice. */
  stop(): void
}

/** Shows how far long work is, how fast it goes and how long it will take: on the standard error of a person's terminal, and nowhere else. */
export function startProgress(options: ProgressOptions): Progress {
  if (!isShown(options)) return { add: () => {}, stop: () => {}, [Symbol.dispose]: () => {} }
  const { label, unit, total } = options
  const startedAt = performance.now()
  const format = (_: unknown, { value }: Params): string =>
    progressLine({
      label,
      unit: typeof unit === 'string' ? unit : unit(),
      total,
      done: value,
      elapsedMs: performance.now() - startedAt,
      columns: process.stderr.columns,
    })
  // It is stopped when the block ends, also after a signal; its own handlers would take the signal away from the command.
  const bar = new cliProgress.SingleBar({ format, stream: process.stderr, clearOnComplete: true, linewrap: true, gracefulExit: false })
  bar.start(total ?? Infinity, 0)
  let done = 0
  const stop = (): void => bar.stop()
  const add = (count: number = 1): void => {
    done += count
    if (bar.isActive) bar.update(done)
  }
  return { add, stop, [Symbol.dispose]: stop }
}

/** Whether {@link startProgress} would show anything: what it costs to know the total need not be paid otherwise. */
export function isShown({ json, prints }: Pick<ProgressOptions, 'json' | 'prints'>): boolean {
  return process.stderr.isTTY && json !== true && !(prints === true && process.stdout.isTTY)
}

interface State extends Pick<ProgressOptions, 'label' | 'total'> {
  readonly unit: string
  readonly done: number
  readonly elapsedMs: number
  readonly columns: number
}

const WIDEST_BAR = 30

/** One line of less than `columns`: the bar gives way first, then the rate. */
export function progressLine({ label, unit, total, done, elapsedMs, columns }: State): string {
  const perSecond = elapsedMs > 0 ? (done * 1000) / elapsedMs : 0
  const rate = `${number(perSecond < 10 ? Math.round(perSecond * 10) / 10 : Math.round(perSecond))}/s`
  if (total === undefined) return fitting([`${label}  ${number(done)} ${unit}  ${rate}`, `${label} ${number(done)}`], columns)
  const share = total === 0 ? 1 : Math.min(1, done / total)
  const left = done === 0 || done >= total ? '' : `  ${clock(((total - done) * elapsedMs) / done)} left`
  const count = `${number(done)}/${number(total)}`
  const text = `${count} ${unit}  ${rate}${left}`
  const room = Math.min(WIDEST_BAR, columns - label.length - text.length - 8)
  const full = Math.round(share * room)
  const bars = room < 5 ? [] : [`${label}  [${'='.repeat(full)}${' '.repeat(room - full)}]  ${text}`]
  return fitting([...bars, `${label}  ${text}`, `${label} ${count}${left}`, `${label} ${Math.floor(share * 100)}%`], columns)
}

/** The first that leaves the last column free: a terminal may go to its next line when that is written. */
function fitting(lines: readonly string[], columns: number): string {
  return lines.find(line => line.length < columns) ?? (lines.at(-1) ?? '').slice(0, Math.max(0, columns - 1))
}

function number(value: number): string {
  return value.toLocaleString('en-US')
}

/** `1:05`, `2:01:05`. */
function clock(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  const two = (part: number): string => String(part).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
}
