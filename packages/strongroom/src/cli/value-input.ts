import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { SecretError } from '@strongroom/core'
import { UsageError } from './failure.ts'

/**
 * The value of a command: a file byte by byte; what is piped in, without one line break at its end; or what is typed where it is not
 * shown. Text where it is good UTF-8, otherwise bytes.
 */
export async function valueInput(file: string | undefined): Promise<string | Uint8Array> {
  if (file !== undefined) return textOrBytes(await fileOf(file))
  if (!process.stdin.isTTY) {
    const bytes = await buffer(process.stdin)
    const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? 2 : 1) : 0
    return textOrBytes(bytes.subarray(0, bytes.length - end))
  }
  const { isCancel, password } = await import('@clack/prompts')
  const typed = await password({ message: 'Value', mask: '' })
  if (isCancel(typed)) throw SecretError.refused('aborted', 'strongroom')
  return typed
}

async function fileOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch {
    throw new UsageError(`the file ${JSON.stringify(path)} cannot be read`)
  }
}

function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return bytes
  }
}
