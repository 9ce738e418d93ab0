import type { Argument, Command, Option } from 'commander'

interface Suggestion {
  readonly value: string
  readonly description: string
}

export interface Suggestions {
  readonly items: readonly Suggestion[]
  /** The shell suggests files beside them. */
  readonly files: boolean
}

/** What a value may be is said by its placeholder: `<store>` is a store's name, `<file>` a file. */
const STORES = /[<[]stores?(?:\.\.\.)?[>\]]/
const FILES = /[<[](?:file|folder|command|args)(?:\.\.\.)?[>\]]/

/**
 * What may stand where the last of `words` is being typed. They are those after the program's name; the last may be empty. `storesOf`
 * is asked for names only where one may stand, with the value of `--config` if there is one.
 */
export async function suggest(
  root: Command,
  words: readonly string[],
  storesOf: (config: string | undefined) => Promise<readonly string[]>,
): Promise<Suggestions> {
  const current = words.at(-1) ?? ''
  const place = placeOf(root, words.slice(0, -1))
  const stores = () => storesOf(place.config)
  if (place.takes !== undefined && !(current.startsWith('-') && place.takes.variadic))
    return matching(current, '', await valuesOf(place.takes.flags, place.takes.argChoices, stores))
  const [, name, value] = place.isRaw ? [] : (/^(--[^=]+)=(.*)$/s.exec(current) ?? [])
  const assigned = name === undefined ? undefined : place.options.find(option => isNamed(option, name))
  if (name !== undefined && value !== undefined)
    return matching(value, `${name}=`, assigned === undefined ? NOTHING : await valuesOf(assigned.flags, assigned.argChoices, stores))
  if (current.startsWith('-') && !place.isRaw) {
    const open = place.options.filter(option => option.variadic || !place.given.has(option))
    return matching(current, '', {
      items: open.map(option => ({ value: option.long ?? option.short ?? '', description: option.description })),
      files: false,
    })
  }
  const { command, argument } = place
  const commands =
    place.arguments === 0 ? visibleCommands(command).map(one => ({ value: one.name(), description: one.summary() || one.description() })) : []
  const values = argument === undefined ? NOTHING : await valuesOf(placeholderOf(argument), argument.argChoices, stores)
  return matching(current, '', { items: [...commands, ...values.items], files: values.files })
}

const NOTHING: Suggestions = { items: [], files: false }

interface Place {
  readonly command: Command
  /** Those that may stand here: the command's own. */
  readonly options: readonly Option[]
  readonly given: ReadonlySet<Option>
  /** The option whose value is typed. */
  readonly takes: Option | undefined
  /** How many arguments the command has before this one, and which this one is. */
  readonly arguments: number
  readonly argument: Argument | undefined
  /** After `--` nothing is an option. */
  readonly isRaw: boolean
  readonly config: string | undefined
}

function placeOf(root: Command, words: readonly string[]): Place {
  const chain = [root]
  const options = () => optionsOf(chain.at(-1) ?? root)
  const given = new Set<Option>()
  let takes: Option | undefined
  let count = 0
  let isRaw = false
  let config: string | undefined
  for (const word of words) {
    if (takes !== undefined && !(takes.variadic && word.startsWith('-'))) {
      if (takes.attributeName() === 'config') config = word
      if (!takes.variadic) takes = undefined
      continue
    }
    takes = undefined
    if (!isRaw && word === '--') isRaw = true
    else if (!isRaw && word.startsWith('-')) {
      const [name = '', value] = word.split('=', 2)
      const option = options().find(one => isNamed(one, name))
      if (option === undefined) continue
      given.add(option)
      if (option.attributeName() === 'config' && value !== undefined) config = value
      if (value === undefined && (option.required || option.optional)) takes = option
    } else {
      const next = isRaw || count > 0 ? undefined : chain.at(-1)?.commands.find(one => one.name() === word || one.aliases().includes(word))
      if (next === undefined) count += 1
      else chain.push(next)
      // What follows the command of `run` is the command's own.
      if (next === undefined && chain.at(-1)?.registeredArguments[0]?.name() === 'command') isRaw = true
    }
  }
  const command = chain.at(-1) ?? root
  const known = command.registeredArguments
  const argument = known[count] ?? (known.at(-1)?.variadic === true ? known.at(-1) : undefined)
  return { command, options: options(), given, takes, arguments: count, argument, isRaw, config }
}

function isNamed({ short, long }: Option, name: string): boolean {
  return name === long || name === short
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command)
}

function visibleCommands(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command)
}

function placeholderOf(argument: Argument): string {
  return `<${argument.name()}>`
}

async function valuesOf(flags: string, choices: readonly string[] | undefined, stores: () => Promise<readonly string[]>): Promise<Suggestions> {
  const names = choices ?? (STORES.test(flags) ? await stores() : [])
  return { items: names.map(value => ({ value, description: '' })), files: FILES.test(flags) }
}

/** Those that begin as what was typed, each once: `--help` is every command's. */
function matching(typed: string, before: string, { items, files }: Suggestions): Suggestions {
  const fitting = new Map(items.filter(({ value }) => value.startsWith(typed)).map(item => [item.value, item]))
  return { items: [...fitting.values()].map(({ value, description }) => ({ value: before + value, description })), files }
}
