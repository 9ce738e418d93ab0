import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { spawn as spawnTerminal } from '@lydell/node-pty'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { commandLine, MAIN, visible } from './support/command-line.ts'

// The real shells complete what is typed. One that the machine lacks is skipped; `.ci/run` installs them all.

vi.setConfig({ testTimeout: 180_000 })

const folder = mkdtempSync(join(tmpdir(), 'strongroom-completion-'))
const environment = { PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`, HOME: folder, TERM: 'xterm', LC_ALL: 'C.UTF-8' }

beforeAll(() => {
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin', 'strongroom'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`)
  chmodSync(join(folder, 'bin', 'strongroom'), 0o755)
  writeFileSync(join(folder, 'strongroom.yaml'), 'stores: { near: "memory:", far-away: "memory:?name=far" }\nwriteTo: near\n')
  writeFileSync(join(folder, 'other.yaml'), 'stores: { elsewhere: "memory:" }\n')
  writeFileSync(join(folder, 'a value.bin'), 'v')
})
afterAll(() => rmSync(folder, { recursive: true }))

async function values(...words: readonly string[]): Promise<readonly string[]> {
  const { code, out, err } = await commandLine(folder, ['__complete', '--', ...words])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
    .split('\n')
    .slice(0, -1)
    .map(line => line.split('\t')[0] ?? '')
}

describe('what is suggested', () => {
  it.each([
    ['commands', ['ver'], ['versions']],
    ['commands of a command', ['audit', 'e'], ['export']],
    ['commands after options', ['--json', '-c', 'other.yaml', 'audit', 'v'], ['verify']],
    ['options of the command', ['create', 'k', '--desc'], ['--description']],
    ['options of the program, too', ['list', '--js'], ['--json']],
    ['no option that is given already', ['list', '--json', '--js'], []],
    ['choices', ['completion', ''], ['bash', 'zsh', 'fish']],
    ['choices of an option', ['init', '--local-key', 'e'], ['env']],
    ['choices of an option that takes several', ['reconcile', '--repair', 'orphan', 'd'], ['drift']],
    ['an option after such', ['reconcile', '--repair', 'orphan', '--gr'], ['--grace']],
    ['stores', ['reconcile', '--store', ''], ['near', 'far-away']],
    ['stores behind =', ['reconcile', '--store=f'], ['--store=far-away']],
    ['stores of another configuration', ['-c', 'other.yaml', 'reconcile', '-s', ''], ['elsewhere']],
    ['nothing from a configuration that is not there', ['-c', 'none.yaml', 'reconcile', '-s', ''], []],
    ['files', ['create', 'k', '--file', ''], [':files']],
    ['files behind --', ['run', '--', ''], [':files']],
    ['what follows the command of run', ['run', 'ls', '--js'], [':files']],
    ['nothing for a key', ['get', ''], []],
  ])('%s', async (_, words, expected) => expect(await values(...words)).toEqual(expected))

  it('no program is run for a key that asks', async () => {
    writeFileSync(
      join(folder, 'strongroom.config.mjs'),
      `import { writeFileSync } from 'node:fs'\nwriteFileSync('${folder}/ran', '')\nexport default {}\n`,
    )
    expect(await values('-c', 'strongroom.config.mjs', 'reconcile', '-s', '')).toEqual([])
    expect(await text(spawn('ls', [folder]).stdout)).not.toContain('ran\n')
  })
})

const has = async (shell: string): Promise<boolean> =>
  await new Promise(done =>
    spawn(shell, ['--version'])
      .once('error', () => done(false))
      .once('exit', code => done(code === 0)),
  )
const shells = { bash: await has('bash'), zsh: await has('zsh'), fish: await has('fish') }

const titleOf = (shell: keyof typeof shells): string => (shells[shell] ? shell : `${shell}, which this machine has not`)

/** A shell as a person has it: what is typed, and what the screen shows once `until` is on it. */
async function typed(shell: readonly [string, ...string[]], steps: readonly (readonly [keys: string, until: string])[]): Promise<string> {
  const terminal = spawnTerminal(shell[0], shell.slice(1), { cwd: folder, env: environment, cols: 120, rows: 40 })
  let screen = ''
  terminal.onData(data => (screen += data))
  const ended = new Promise<void>(done => terminal.onExit(() => done()))
  try {
    for (const [keys, until] of steps) {
      const from = screen.length
      terminal.write(keys)
      await vi.waitFor(() => expect(visible(screen.slice(from))).toContain(until), { timeout: 60_000, interval: 50 })
    }
    return visible(screen)
  } finally {
    terminal.kill('SIGKILL')
    await ended
  }
}

describe.skipIf(!shells.bash)(titleOf('bash'), () => {
  const start = [`PS1='> '; eval "$(strongroom completion bash)"; echo rea''dy\r`, 'ready\r\n'] as const

  it('completes commands, options, choices, stores and files', async () => {
    await typed(
      ['bash', '--norc', '--noprofile', '-i'],
      [
        start,
        ['strongroom aud\t', 'strongroom audit '],
        ['ver\t', 'verify '],
        ['--al\t', '--all '],
        ['\x15strongroom reconcile --store fa\t', '--store far-away '],
        ['\x15strongroom reconcile --store=fa\t', '--store=far-away '],
        ['\x15strongroom reconcile --repair dr\t', '--repair drift '],
        ['\x15strongroom create k --file a\\ v\t', 'a\\ value.bin '],
        ['\x15strongroom completion \t\t', 'bash  fish  zsh'],
      ],
    )
  })

  it('runs nothing of what is typed before it is entered, and may be read twice', async () => {
    const screen = await typed(['bash', '--norc', '--noprofile', '-i'], [start, start, ['strongroom list $(touch ran-by-tab) --js\t', '--json ']])
    expect(screen).not.toContain('readonly')
    expect(await text(spawn('ls', [folder]).stdout)).not.toContain('ran-by-tab')
  })
})

describe.skipIf(!shells.zsh)(titleOf('zsh'), () => {
  it('completes commands, options, choices, stores and files', async () => {
    await typed(
      ['zsh', '-f', '-i'],
      [
        [`PS1='> '; autoload -U compinit; compinit -D -u; eval "$(strongroom completion zsh)"; echo rea''dy\r`, 'ready\r\n'],
        ['strongroom aud\t', 'it '],
        ['ver\t', 'ify '],
        ['--al\t', 'l '],
        ['\x15strongroom reconcile --store fa\t', 'r-away '],
        ['\x15strongroom reconcile --store=fa\t', 'r-away '],
        ['\x15strongroom create k --file a\\ v\t', 'alue.bin '],
        ['\x15strongroom completion \t', 'fish'],
        ['\x15strongroom list $(touch ran-by-zsh) --js\t', 'on '],
      ],
    )
    expect(await text(spawn('ls', [folder]).stdout)).not.toContain('ran-by-zsh')
  })
})

describe.skipIf(!shells.fish)(titleOf('fish'), () => {
  it.each([
    ['strongroom aud', 'audit\tlist, verify or export the audit trail\n'],
    ['strongroom audit ver', /^verify\t/],
    ['strongroom list --js', /^--json\t/],
    ['strongroom reconcile --store fa', 'far-away\n'],
    ['strongroom reconcile --store=fa', '--store=far-away\n'],
    ['strongroom completion z', 'zsh\n'],
    ['strongroom create k --file a', /^a value\.bin/m],
  ])('completes %s', async (line, expected) => {
    const script = `strongroom completion fish | source; complete -C ${JSON.stringify(line)}`
    const child = spawn('fish', ['--no-config', '-c', script], { cwd: folder, env: environment })
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect(err).toBe('')
    if (typeof expected === 'string') expect(out).toBe(expected)
    else expect(out).toMatch(expected)
  })
})
