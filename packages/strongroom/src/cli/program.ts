import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { ownVersion } from './version.ts'

// Only commander is loaded here, so that --help is quick; each command loads what it needs when it runs.

export interface GlobalOptions {
  readonly config?: string
  readonly json?: boolean
}

export interface AccountOptions extends GlobalOptions {
  readonly account?: string
  readonly actor?: string
}

/** The command line, not yet parsed. */
export function program(): Command {
  const root = new Command('strongroom')
    .description('Secrets in any cloud, by one configuration.')
    .addOption(configOption())
    .addOption(jsonOption())
    .option('-V, --version', 'the version of this command')
    .on('option:version', showVersion)
    .showHelpAfterError('(strongroom --help tells more)')
    .exitOverride()
    // What stands after a command is that command's; `run` could not leave alone what follows its own command otherwise.
    .enablePositionalOptions()
    .addHelpText(
      'after',
      '\nValues are read from a pipe, a file or a hidden prompt, never from an argument.\nExit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 missing, 5 denied, 6 conflict, 7 try again, 8 may have happened, 130 interrupted.',
    )

  // The options of the program go with every command too; the later one of a line counts.
  const plain = (name: string, description: string, parent: Command = root): Command =>
    parent
      .command(name)
      .description(description)
      .exitOverride()
      .addOption(configOption())
      .on('option:config', (file: string) => root.setOptionValue('config', file))
  const command = (name: string, description: string, parent?: Command): Command =>
    plain(name, description, parent)
      .addOption(jsonOption())
      .on('option:json', () => root.setOptionValue('json', true))
  const ofAccount = (made: Command): Command =>
    made.addOption(new Option('-a, --account <account>', 'whose secrets').env('STRONGROOM_ACCOUNT')).addOption(actorOption())
  const forAccount = (name: string, description: string, parent?: Command): Command => ofAccount(command(name, description, parent))

  command('init', 'write a configuration: asks what it needs, and opens what it wrote')
    .option('-y, --yes', 'ask nothing: what is usual where no option says otherwise')
    .option('--force', 'write a file anew that is there already')
    .option('--store <url>', 'such as local:./store or "aws://eu-west-1?accountId=123456789012"')
    .option('--metadata <url>', 'sqlite:./meta.db, postgres (its URL is in DATABASE_URL) or none')
    .addOption(new Option('--local-key <where>', 'where the key of a local store is').choices(['file', 'env', 'beside']))
    .addOption(new Option('-a, --account <account>', 'whose secrets come first').env('STRONGROOM_ACCOUNT'))
    .action(async (_, at) => (await import('./commands/init.ts')).init(at.optsWithGlobals()))
  forAccount('create <key>', 'create a secret; its value comes from a pipe, a file or a prompt')
    .option('-f, --file <file>', 'the value is this file, byte by byte')
    .option('-d, --description <text>', 'what it is for')
    .action(async (key, _, at) => (await import('./commands/secrets.ts')).create(key, at.optsWithGlobals()))
  forAccount('list', 'list the secrets of an account, without values')
    .option('-l, --limit <n>', 'at most so many', wholeNumber, 100)
    .action(async (_, at) => (await import('./commands/secrets.ts')).list(at.optsWithGlobals()))
  forAccount('get <key>', 'show what is known of a secret, without its value').action(async (key, _, at) =>
    (await import('./commands/secrets.ts')).get(key, at.optsWithGlobals()),
  )
  forAccount('update <key>', 'give a secret another value, or with --description alone another description')
    .option('-f, --file <file>', 'the value is this file, byte by byte')
    .option('-d, --description <text>', 'another description; an empty one takes it away')
    .option('--value', 'a value too, where there is a description')
    .option('--if-revision <n>', 'only at this revision', wholeNumber)
    .action(async (key, _, at) => (await import('./commands/secrets.ts')).update(key, at.optsWithGlobals()))
  forAccount('versions <key>', 'list the versions that are kept of a secret').action(async (key, _, at) =>
    (await import('./commands/versions.ts')).versions(key, at.optsWithGlobals()),
  )
  forAccount('rollback <key> <version>', 'make a version that is kept the committed one again')
    .option('--if-revision <n>', 'only at this revision', wholeNumber)
    .option('--put-again', 'put its value again as a new version, so that readers outside this library follow on every cloud')
    .action(async (key, version, _, at) => (await import('./commands/versions.ts')).rollback(key, version, at.optsWithGlobals()))
  forAccount('delete <key>', 'delete a secret for good')
    .option('--if-revision <n>', 'only at this revision', wholeNumber)
    .option('--purge-adopted', 'also what was adopted; otherwise that stays in its cloud')
    .action(async (key, _, at) => (await import('./commands/secrets.ts')).remove(key, at.optsWithGlobals()))
  ofAccount(plain('read <key>', 'write a value to standard output, byte by byte; on a terminal only with --reveal'))
    .option('--reveal', 'also on a terminal')
    .action(async (key, _, at) => (await import('./commands/read.ts')).read(key, at.optsWithGlobals()))
  ofAccount(plain('run <command> [args...]', 'run a command with secrets as its environment variables; nothing of them is written to a disk'))
    .usage('[options] [--] <command> [args...]')
    .passThroughOptions()
    .option('-e, --env <pair>', 'NAME=key, and only what is given so, once for each (default: every secret, stripe-key as STRIPE_KEY)', eachOf)
    .option('--keep <variable>', 'give the command this one too, though the configuration takes a credential from it; once for each', eachOf)
    .action(async (command, args, _, at) => (await import('./commands/run.ts')).run(command, args, at.optsWithGlobals()))
  forAccount('export', 'write what is known of the secrets as JSON lines, with where each is and without a value')
    .option('--all', 'of every account')
    .action(async (_, at) => (await import('./commands/export.ts')).exportRecords(at.optsWithGlobals()))
  const audit = command('audit', 'list, verify or export the audit trail')
  forAccount('list', 'list the audit trail of an account', audit)
    .option('--after <n>', 'only later entries', wholeNumber, 0)
    .option('--all', 'of every account')
    .action(async (_, at) => (await import('./commands/audit.ts')).list(at.optsWithGlobals()))
  forAccount('verify [file]', 'check a trail’s chain from its first entry: in the database, or in an exported file, which needs no database', audit)
    .option('--all', 'of every account')
    .action(async (file, _, at) => (await import('./commands/audit.ts')).verify(file, at.optsWithGlobals()))
  forAccount('export', 'write a trail as JSON lines, with its last hash, to be verified elsewhere', audit)
    .option('--all', 'of every account')
    .action(async (_, at) => (await import('./commands/audit.ts')).exportTrails(at.optsWithGlobals()))
  const forOperator = (name: string, description: string): Command => command(name, description).addOption(actorOption())
  forOperator('migrate', 'move every secret of a store to another, while all of them go on being served')
    .requiredOption('--from <store>', 'the store that they are in')
    .option('--to <store>', 'where they go (default: the one of writeTo)')
    .option('--plan', 'only tell what would be done, and what stands in its way')
    .option('--measure', 'read every value beforehand to see that it fits')
    .option('--skip-unfit', 'move the others, where something does not fit')
    .option('--concurrency <n>', 'so many at a time', wholeNumber, 16)
    .addOption(
      new Option('--grace <time>', 'how long the old copies stay, such as 90m, 24h or 7d, at most 366d; or keep')
        .default(DAY_MS, '24h')
        .argParser(text => (text === 'keep' ? text : timeOf(text, 366, ', or keep'))),
    )
    .action(async (_, at) => (await import('./commands/migrate.ts')).migrate(at.optsWithGlobals()))
  forOperator('drop-old-copies <store>', 'let maintain purge what a migration has left in a store, before its time').action(async (store, _, at) =>
    (await import('./commands/migrate.ts')).dropOldCopies(store, at.optsWithGlobals()),
  )
  forAccount('adopt', 'give records to secrets that are in a store already; nothing is read, copied or changed')
    .requiredOption('-s, --store <name>', 'the store')
    .option('-p, --prefix <text>', 'only paths that begin so')
    .option('-m, --match <pattern>', 'only paths that a regular expression finds')
    .option('--rename <file>', 'a JSON object of keys by path, for those whose own is not allowed; null leaves one out; each path has to be there')
    .addOption(new Option('--keys <form>', 'the keys that are allowed (default: as the configuration says)').choices(['portable', 'any']))
    .option('--dry-run', 'only tell what would be done')
    .action(async (_, at) => (await import('./commands/adopt.ts')).adopt(at.optsWithGlobals()))
  command('maintain', 'finish or undo what was cut off, and remove what is left over')
    .option('-n, --max-items <n>', 'at most so many pieces of work a pass', wholeNumber, 1000)
    .option('--watch', 'go on until interrupted')
    .option('--interval <ms>', 'milliseconds between passes', wholeNumber, 30_000)
    .action(async (_, at) => (await import('./commands/upkeep.ts')).maintain(at.optsWithGlobals()))
  command('pending', 'show what is left to do, since when, and what needs a person')
    .option('--attention', 'only what needs a person')
    .action(async (_, at) => (await import('./commands/upkeep.ts')).pending(at.optsWithGlobals()))
  command('reconcile', 'compare the database with the clouds; mends only what --repair names')
    .option('-s, --store <store>', 'this store only')
    .addOption(new Option('-r, --repair <kinds...>', 'what to mend').choices(['orphan', 'drift']))
    .addOption(
      new Option('--grace <time>', 'leave alone what has changed within that time, such as 90m or 2d, at most 30d; without a unit, milliseconds')
        .default(3_600_000, '1h')
        .argParser(text => timeOf(/^\d{1,15}$/.test(text) ? `${text}ms` : text, 30)),
    )
    .addOption(actorOption())
    .action(async (_, at) => (await import('./commands/reconcile.ts')).reconcile(at.optsWithGlobals()))
  command('doctor', 'say of each store and the database what works, what is wrong, and how to mend it')
    .option('-s, --store <name>', 'this store only, without the database')
    .option('-w, --write', 'try what writes too, on a secret of its own that is removed again')
    .addOption(new Option('--for <power>', 'whose permissions are asked for').choices(['registry', 'reader', 'all']).default('all'))
    .action(async (_, at) => (await import('./commands/doctor.ts')).doctor(at.optsWithGlobals()))
  command('conformance [url]', 'ask a store whether it keeps the contract, on secrets of the kit’s own; a URL such as aws://eu-west-1, or --store')
    .option('-s, --store <name>', 'a store of the configuration (default: the one of writeTo)')
    .option('--only <cases...>', 'only these cases or areas, such as create or read/missing-is-not-found')
    .option('--settle <ms>', 'how long lists and names may lag behind writes', wholeNumber, 0)
    .option('--items <n>', 'secrets that the paging cases make', wholeNumber, 30)
    .option('--seed <n>', 'of the random cases, to repeat a run', wholeNumber)
    .action(async (url, _, at) => (await import('./commands/conformance.ts')).conformance(url, at.optsWithGlobals()))
  command('serve', 'serve the secrets API over HTTP, to whom the configuration’s http section names')
    .option('--host <address>', 'where it listens', '127.0.0.1')
    .option('-p, --port <n>', '0 for any that is free', wholeNumber, 8080)
    .option('--unsafe-no-authentication', 'let everyone in as one anonymous user; only on the loopback')
    .action(async (_, at) => (await import('./commands/serve.ts')).serve(at.optsWithGlobals()))
  root
    .command('completion')
    .description('print what makes a shell complete commands, options and the names of stores')
    .exitOverride()
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\nbash and zsh: eval "$(strongroom completion bash)" in ~/.bashrc, or zsh in ~/.zshrc after compinit.\nfish: strongroom completion fish > ~/.config/fish/completions/strongroom.fish',
    )
    .action(async shell => (await import('./commands/completion.ts')).printScript(shell))
  root
    .command('__complete [words...]', { hidden: true })
    .allowUnknownOption()
    .action(async words => (await import('./commands/completion.ts')).complete(words))
  return root
}

function configOption(): Option {
  return new Option('-c, --config <file>', 'the configuration (default: STRONGROOM_CONFIG, STRONGROOM_STORE or ./strongroom.yaml)')
}

function jsonOption(): Option {
  return new Option('--json', 'answer as JSON, one document or one line an item')
}

function actorOption(): Option {
  return new Option('--actor <id>', 'who the audit trail names (default: the user of this machine)').env('STRONGROOM_ACTOR')
}

function showVersion(): never {
  const version = ownVersion()
  process.stdout.write(`${version}\n`)
  throw new CommanderError(0, 'commander.version', version)
}

function eachOf(given: string, before: readonly string[] = []): readonly string[] {
  return [...before, given]
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('a whole number is allowed')
  return Number(text)
}

const DAY_MS = 86_400_000
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS }

/** Milliseconds. */
function timeOf(text: string, mostDays: number, others: string = ''): number {
  const [, count, unit = ''] = /^(\d{1,15})(ms|[smhd])$/.exec(text) ?? []
  const time = Number(count) * (UNITS[unit] ?? 0)
  if (count !== undefined && time <= mostDays * DAY_MS) return time
  throw new InvalidArgumentError(`a time such as 90m, 24h or 7d is allowed, at most ${mostDays}d${others}`)
}
