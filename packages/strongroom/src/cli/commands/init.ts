import { access, writeFile } from 'node:fs/promises'
import { dirname, extname, resolve } from 'node:path'
import { pathFrom } from '../../config/read.ts'
import { loadPackage } from '../../parts/packages.ts'
import { UsageError } from '../failure.ts'
import { answersOf, type Answers, type InitOptions } from '../init/answers.ts'
import { configText } from '../init/config-text.ts'
import { printJson } from '../output.ts'

/** Writes a configuration, and opens it to see whether it works. */
export async function init(options: InitOptions): Promise<void> {
  const file = options.config ?? 'strongroom.yaml'
  if (!['.yaml', '.yml'].includes(extname(file))) throw new UsageError('the file that is written is YAML: its name ends in .yaml or .yml')
  const asks = options.yes !== true && process.stdin.isTTY && process.stdout.isTTY && options.json !== true
  if (!asks && options.yes !== true && options.store === undefined)
    throw new UsageError('there is no terminal to ask on: give --store, or --yes for what is usual')
  const isThere = await exists(file)
  if (isThere && options.force !== true) {
    if (!asks) throw new UsageError(`${file} is there already; --force writes it anew`)
    const { mayOverwrite } = await import('../init/ask.ts')
    if (!(await mayOverwrite(file))) return void process.stdout.write('nothing was written\n')
  }
  const answers = asks ? await (await import('../init/ask.ts')).ask(options) : answersOf(file, options)
  // Exclusively, so that what somebody else has written meanwhile is not lost.
  await writeFile(file, configText(file, answers), { flag: isThere ? 'w' : 'wx' }).catch(() => {
    throw new UsageError(`${file} cannot be written`)
  })
  const keyFile = await makeKey(file, answers)
  const waits = waitsFor(answers)
  if (waits === undefined) {
    const say = (text: string): void => (options.json === true ? undefined : void process.stdout.write(text))
    say(`${file} is written${keyFile === undefined ? '' : `, and ${keyFile}`}\n`)
    const { checkWritten } = await import('../init/check.ts')
    await checkWritten(file, answers).catch((error: unknown) => {
      process.stderr.write(`strongroom: ${file} is written, but it does not work yet:\n`)
      throw error
    })
    say(`opened and checked: the store${answers.metadata === undefined ? '' : ' and the database'} answered\n`)
  }
  if (options.json === true) return printJson({ file, keyFile: keyFile ?? null, checked: waits === undefined, waitsFor: waits ?? null })
  process.stdout.write(`${nextSteps(file, answers, keyFile, waits)}\n`)
}

/** Makes the key where it is a file of its own. One that is there is used, never replaced. */
async function makeKey(file: string, { store }: Answers): Promise<string | undefined> {
  const key = store['key'] as { readonly file?: string } | undefined
  if (store['type'] !== 'local' || key?.file === undefined) return undefined
  const path = pathFrom(dirname(resolve(file)), key.file)
  if (await exists(path)) return key.file
  const { addLocalKey } = await loadPackage(file, 'stores.main.type', '@strongroom/local', () => import('@strongroom/local'))
  await addLocalKey({ file: path })
  return key.file
}

/** A variable that must be set first. Opened without it, a local store would be made with another key. */
function waitsFor({ store, metadata }: Answers): string | undefined {
  const references = [store['key'], metadata?.['url']] as readonly ({ readonly env?: string } | undefined)[]
  return references.map(reference => reference?.env).find(name => name !== undefined && (process.env[name] ?? '') === '')
}

function nextSteps(file: string, { store, metadata, account }: Answers, keyFile: string | undefined, waits: string | undefined): string {
  const config = resolve(file) === resolve('strongroom.yaml') ? '' : ` --config ${file}`
  const set = waits === 'STRONGROOM_LOCAL_KEY' ? 'export STRONGROOM_LOCAL_KEY="$(openssl rand -base64 32)"' : `export ${waits}=…`
  const lines = [
    ...(waits === undefined ? [] : [`  ${set}    # it is not set, so nothing was opened yet; keep it: without it no value can be read`]),
    ...(metadata === undefined
      ? ['  open it with openStrongroom(): a configuration without metadata has stores alone']
      : [
          `  export STRONGROOM_ACCOUNT=${account ?? '…'}`,
          `  strongroom${config} create my-first-secret`,
          `  strongroom${config} list`,
          `  strongroom${config} maintain --watch    # beside your services: it removes what is left over`,
        ]),
    ...(store['type'] === 'local'
      ? [`  keep ${[keyFile, store['path']].filter(one => one !== undefined).join(' and ')} out of version control, and back up the key`]
      : []),
  ]
  return `next:\n${lines.join('\n')}`
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
