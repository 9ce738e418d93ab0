import { SecretError } from '@strongroom/core'
import { UsageError } from './failure.ts'
import { TypedValue, type Typing } from './typed-value.ts'

/** Longer than a terminal takes to send a paste on, shorter than a person to type on. */
const SETTLING_MS = 150
const BRACKETED_PASTE = { on: '\u001b[?2004h', off: '\u001b[?2004l' } as const

/**
 * Asks for a value on the terminal, where it is not shown. All that is pasted is the value, its line breaks too, where the terminal says
 * what is pasted; where it does not, more than a line is refused, since it cannot be told from a line and what was typed for a shell.
 * Asks on standard error: standard output is for the answer.
 * @throws UsageError for what cannot be told or is longer than `limit` bytes; SecretError `aborted`
 */
export async function hiddenPrompt(
  message: string,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const typed = new TypedValue(limit)
  const terminal = process.stdin
  const say = (text: string): void => void process.stderr.write(text)
  const switchPaste = (to: 'on' | 'off'): void => (process.stderr.isTTY ? say(BRACKETED_PASTE[to]) : undefined)
  terminal.setRawMode(true)
  switchPaste('on')
  say(`${message} (is not shown; Enter ends it): `)
  try {
    const typing = await untilEntered(typed, signal, () => say('\u0007'))
    if (typing === 'left') throw SecretError.refused('aborted', 'strongroom')
    // What is not taken here would go to the shell, which runs it, and remembers it.
    const more = await untilQuiet()
    if (typed.rest !== '' || more)
      throw new UsageError('more came after the first line, and nothing was kept of it: give a value of several lines by --file or a pipe')
    if (typed.problem === 'strange')
      throw new UsageError('a control character came with the text, and nothing was kept of it: give such a value by --file or a pipe')
    if (typed.problem === 'long') throw tooLong(limit)
    return typed.bytes
  } finally {
    switchPaste('off')
    terminal.setRawMode(false)
    terminal.pause()
    say('\n')
  }
}

export function tooLong(limit: number): UsageError {
  return new UsageError(`the value has more than ${limit} bytes, which no store of the configuration takes`)
}

async function untilEntered(typed: TypedValue, signal: AbortSignal, onUnknown: () => void): Promise<Typing> {
  const terminal = process.stdin
  let end: (typing: Typing) => void = () => {}
  const take = (chunk: Buffer): void => {
    const typing = typed.take(chunk, onUnknown)
    if (typing !== 'more') end(typing)
  }
  const leave = (): void => end('left')
  const ended = new Promise<Typing>(done => (end = done))
  terminal.on('data', take).once('end', leave).once('error', leave)
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  try {
    return await ended
  } finally {
    terminal.off('data', take).off('end', leave)
    signal.removeEventListener('abort', leave)
  }
}

/** Reads on until nothing comes for a while; whether anything came. */
async function untilQuiet(): Promise<boolean> {
  const terminal = process.stdin
  return await new Promise(done => {
    let came = false
    let timer = setTimeout(() => finish(), SETTLING_MS)
    const take = (): void => {
      came = true
      clearTimeout(timer)
      timer = setTimeout(() => finish(), SETTLING_MS)
    }
    const finish = (): void => {
      terminal.off('data', take)
      done(came)
    }
    terminal.on('data', take).resume()
  })
}
