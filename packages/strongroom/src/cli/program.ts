import { Command, InvalidArgumentError, Option } from 'commander'

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
    .option('-c, --config <file>', 'the configuration (default: STRONGROOM_CONFIG, STRONGROOM_STORE or ./strongroom.yaml)')
    .option('--json', 'answer as JSON, one document or one line an item')
    .showHelpAfterError('(strongroom --help tells more)')
    .exitOverride()
    .addHelpText(
      'after',
      '\nValues are read from a pipe, a file or a hidden prompt, never from an argument.\nExit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 missing, 5 denied, 6 conflict, 7 try again, 8 may have happened, 130 interrupted.',
    )

  const command = (name: string, description: string): Command => root.command(name).description(description).exitOverride()
  const forAccount = (name: string, description: string): Command =>
    command(name, description)
      .addOption(new Option('-a, --account <account>', 'whose secrets').env('STRONGROOM_ACCOUNT'))
      .addOption(new Option('--actor <id>', 'who the audit trail names (default: the user of this machine)').env('STRONGROOM_ACTOR'))

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
    .action(async (key, _, at) => (await import('./commands/secrets.ts')).remove(key, at.optsWithGlobals()))
  forAccount('read <key>', 'write a value to standard output, byte by byte; on a terminal only with --reveal')
    .option('--reveal', 'also on a terminal')
    .action(async (key, _, at) => (await import('./commands/read.ts')).read(key, at.optsWithGlobals()))
  forAccount('run <command> [args...]', 'run a command with secrets as its environment variables; nothing of them is written to a disk')
    .option('-e, --env <pairs...>', 'NAME=key, these only (default: every secret, stripe-key as STRIPE_KEY)')
    .action(async (command, args, _, at) => (await import('./commands/run.ts')).run(command, args, at.optsWithGlobals()))
  forAccount('audit', 'show the audit trail of an account, or check its chain')
    .option('--after <n>', 'only later entries', wholeNumber, 0)
    .option('--verify', 'check the chain from its first entry instead')
    .action(async (_, at) => (await import('./commands/audit.ts')).audit(at.optsWithGlobals()))
  command('maintain', 'finish or undo what was cut off, and remove what is left over')
    .option('-n, --max-items <n>', 'at most so many pieces of work a pass', wholeNumber, 1000)
    .option('--watch', 'go on until interrupted')
    .option('--interval <ms>', 'milliseconds between passes', wholeNumber, 30_000)
    .action(async (_, at) => (await import('./commands/upkeep.ts')).maintain(at.optsWithGlobals()))
  command('pending', 'show what is left to do, since when, and what needs a person')
    .option('--attention', 'only what needs a person')
    .action(async (_, at) => (await import('./commands/upkeep.ts')).pending(at.optsWithGlobals()))
  command('reconcile', 'compare the database with the clouds; mends only what --repair names')
    .option('-s, --store <name>', 'this store only')
    .addOption(new Option('-r, --repair <kinds...>', 'what to mend').choices(['orphan', 'drift']))
    .option('--grace <ms>', 'leave alone what has changed within so many milliseconds', wholeNumber, 3_600_000)
    .addOption(new Option('--actor <id>', 'who the audit trail names (default: the user of this machine)').env('STRONGROOM_ACTOR'))
    .action(async (_, at) => (await import('./commands/reconcile.ts')).reconcile(at.optsWithGlobals()))
  command('serve', 'serve the secrets API over HTTP, to whom the configuration’s http section names')
    .option('--host <address>', 'where it listens', '127.0.0.1')
    .option('-p, --port <n>', '0 for any that is free', wholeNumber, 8080)
    .option('--unsafe-no-authentication', 'let everyone in as one anonymous user; only on the loopback')
    .action(async (_, at) => (await import('./commands/serve.ts')).serve(at.optsWithGlobals()))
  return root
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('a whole number is allowed')
  return Number(text)
}
