import { spawn } from 'node:child_process'

export interface Output {
  readonly code: number | null
  readonly output: string
}

/** Runs a program to its end and answers what it printed. */
export async function runProgram(
  file: string,
  args: readonly string[],
  { cwd, env, timeout }: { readonly cwd: string; readonly env: Readonly<Record<string, string>>; readonly timeout: number },
): Promise<Output> {
  return await new Promise((done, fail) => {
    const child = spawn(file, args, { cwd, env: { PATH: process.env['PATH'] ?? '', HOME: cwd, NO_COLOR: '1', ...env }, timeout })
    let output = ''
    const add = (chunk: Buffer): void => void (output += chunk.toString())
    child.stdout.on('data', add)
    child.stderr.on('data', add)
    child.once('error', fail)
    child.once('close', code => done({ code, output }))
  })
}
