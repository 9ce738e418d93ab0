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
  const unset = unsetOf(answers)
  const say = (text: string): void => (options.json === true ? undefined : void process.stdout.write(`${text}\n`))
  say(`${file} is written${keyFile === undefined ? '' : `, and the key is in ${keyFile}`}`)
  if (unset.length > 0) say(`not opened yet, since ${unset.join(' and ')} ${unset.length === 1 ? 'is' : 'are'} not set`)
  else {
    const { checkWritten } = await import('../init/check.ts')
    await checkWritten(file, answers).catch((error: unknown) => {
      process.stderr.write(`strongroom: ${file} is written, but it does not work yet:\n`)
      throw error
    })
    say(`opened and checked: the store${answers.metadata === undefined ? '' : ' and the database'} answered`)
  }
  if (options.json === true) return printJson({ file, keyFile: keyFile ?? null, checked: unset.length === 0, unset })
  say(
    `next:\n${nextSteps(file, answers, keyFile, unset)
      .map(line => `  ${line}\n`)
      .join('')}`.trimEnd(),
  )
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

/** Variables that must be set first. Opened without its own, a local store would be made with another key. */
function unsetOf({ store, metadata }: Answers): readonly string[] {
  const references = [store['key'], metadata?.['url']] as readonly ({ readonly env?: string } | undefined)[]
  return references.flatMap(reference => reference?.env ?? []).filter(name => (process.env[name] ?? '') === '')
}

function nextSteps(file: string, { store, metadata, account }: Answers, keyFile: string | undefined, unset: readonly string[]): readonly string[] {
  const config = resolve(file) === resolve('strongroom.yaml') ? '' : ` --config ${file}`
  const set = (name: string): string =>
    name === 'STRONGROOM_LOCAL_KEY'
      ? `export ${name}="$(openssl rand -base64 32)"   # keep it: without it no value can be read`
      : `export ${name}=postgres://…`
  const uses = [
    `export STRONGROOM_ACCOUNT=${account ?? '…'}`,
    `strongroom${config} create my-first-secret`,
    `strongroom${config} list`,
    `strongroom${config} maintain --watch   # beside your services: it removes what is left over`,
  ]
  const files = store['type'] === 'local' ? [keyFile, store['path']].filter(one => typeof one === 'string') : []
  return [
    ...unset.map(set),
    ...(metadata === undefined ? ['open it with openStrongroom(): without a database there are stores alone'] : uses),
    ...(files.length === 0 ? [] : [`# keep ${files.join(' and ')} out of version control${keyFile === undefined ? '' : ', and back up the key'}`]),
  ]
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
