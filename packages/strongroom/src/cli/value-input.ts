import { constants, createReadStream, fstatSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { addAbortSignal, type Readable } from 'node:stream'
import { SecretError } from '@strongroom/core'
import type { Strongroom } from '../open-strongroom.ts'
import { UsageError } from './failure.ts'
import { hiddenPrompt, tooLong } from './hidden-prompt.ts'

/**
 * The value of a command: a file byte by byte; what is piped in, without one line break at its end; or what is typed where it is not
 * shown. Text where it is good UTF-8, otherwise bytes. No more is read than the widest store takes; the store itself says what fits.
 * @throws UsageError for what cannot be read or is longer; SecretError `aborted`
 */
export async function valueInput(file: string | undefined, room: Strongroom, signal: AbortSignal): Promise<string | Uint8Array> {
  const limit = limitOf(room)
  const bytes = await bytesOf(file, limit, signal)
  if (bytes.length > limit) throw tooLong(limit)
  return textOrBytes(bytes)
}

async function bytesOf(file: string | undefined, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  if (file !== undefined) return await readOver(limit, () => streamOf(file), `the file ${JSON.stringify(file)}`, signal)
  if (process.stdin.isTTY) return await hiddenPrompt('Value', { limit, signal })
  const bytes = await readOver(limit + LONGEST_LINE_BREAK, () => process.stdin, 'standard input', signal)
  const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? 2 : 1) : 0
  return bytes.subarray(0, bytes.length - end)
}

const LONGEST_LINE_BREAK = 2

/** A named pipe, such as that of `--file <(command)`, as what can be left: a thread that waits for its writer keeps the process. */
function streamOf(path: string): Readable {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return fstatSync(descriptor).isFIFO() ? new Socket({ fd: descriptor, readable: true, writable: false }) : createReadStream(path, { fd: descriptor })
}

function limitOf(room: Strongroom): number {
  return Math.max(
    ...room.config.stores.flatMap(name => {
      const { text, binary } = room.store(name).capabilities.maxValueBytes
      return [text, binary]
    }),
  )
}

/** All of it, or more than `limit` bytes of what has more. */
async function readOver(limit: number, open: () => Readable, name: string, signal: AbortSignal): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for await (const part of addAbortSignal(signal, open()) as AsyncIterable<Buffer>) {
      parts.push(part)
      size += part.length
      if (size > limit) break
    }
  } catch {
    if (signal.aborted) throw SecretError.refused('aborted', 'strongroom')
    throw new UsageError(`${name} cannot be read`)
  }
  return Buffer.concat(parts)
}

function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return bytes
  }
}
