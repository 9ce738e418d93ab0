import { confirm, isCancel, select, text } from '@clack/prompts'
import { SecretError } from '@strongroom/core'
import {
  accountProblem,
  DEFAULTS,
  fieldProblem,
  metadataOf,
  storeOf,
  withLocalKey,
  type Answers,
  type Fields,
  type InitOptions,
  type LocalKey,
} from './answers.ts'

interface Question {
  readonly message: string
  readonly placeholder?: string
  /** What an empty answer means; without it, one that is left out is a field that is left out. */
  readonly usual?: string
  readonly needed?: boolean
}

const PREFIX: Question = { message: 'A prefix for every name? (empty: none)', placeholder: 'prod/' }

/** What each cloud is asked about, by the field that has the answer. */
const QUESTIONS = {
  local: { path: { message: 'In which folder?', usual: './store' } },
  aws: {
    region: { message: 'Which region?', placeholder: 'eu-west-1', needed: true },
    accountId: { message: 'Which AWS account? (its twelve digits)', placeholder: '123456789012', needed: true },
    prefix: PREFIX,
  },
  gcp: {
    projectId: { message: 'Which project? (its id)', placeholder: 'my-project', needed: true },
    region: { message: 'In one region only? (empty: Google chooses)', placeholder: 'europe-west3' },
    prefix: PREFIX,
  },
  azure: {
    vaultUrl: { message: 'The URL of the key vault?', placeholder: 'https://my-vault.vault.azure.net', needed: true },
    prefix: PREFIX,
  },
  vault: {
    address: { message: 'The address of the server?', placeholder: 'https://vault.example.com:8200', needed: true },
    mount: { message: 'Where is KV version 2 mounted?', usual: 'secret' },
    namespace: { message: 'In which namespace? (empty: none)', placeholder: 'team/part' },
    prefix: PREFIX,
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Question>>>>

/** Asks for all that the flags do not say. @throws SecretError `aborted` when the person has had enough */
export async function ask(options: InitOptions): Promise<Answers> {
  const store = options.store === undefined ? await askStore() : storeOf(options.store)
  const key = store['type'] === 'local' && store['key'] === undefined ? (options.localKey ?? (await askLocalKey())) : 'beside'
  const metadata = options.metadata === undefined ? await askMetadata() : metadataOf(options.metadata)
  const named = options.account === '' ? undefined : options.account
  const account = metadata === undefined ? undefined : (named ?? (await askAccount()))
  return { store: withLocalKey(store, key), metadata, account: account === '' ? undefined : account }
}

export async function mayOverwrite(file: string): Promise<boolean> {
  return await answered(confirm({ message: `${file} is there already. Write it anew?`, initialValue: false }))
}

async function askStore(): Promise<Fields> {
  const type = await answered(
    select({
      message: 'Where are the values kept?',
      options: [
        { value: 'local' as const, label: 'On this machine', hint: 'an encrypted file: development, a single server' },
        { value: 'aws' as const, label: 'AWS Secrets Manager' },
        { value: 'gcp' as const, label: 'Google Secret Manager' },
        { value: 'azure' as const, label: 'Azure Key Vault' },
        { value: 'vault' as const, label: 'HashiCorp Vault or OpenBao' },
      ],
    }),
  )
  const store: Record<string, unknown> = { type }
  for (const [field, question] of Object.entries<Question>(QUESTIONS[type])) {
    const validate = (given: string | undefined): string | undefined => {
      if (given === undefined || given === '') return question.needed === true ? 'It is needed.' : undefined
      return fieldProblem({ ...store, [field]: given }, field)
    }
    const value = await askText(question, validate)
    if (value !== '') store[field] = value
  }
  return store
}

async function askLocalKey(): Promise<LocalKey> {
  return await answered(
    select({
      message: 'Where is the key that encrypts them?',
      options: [
        { value: 'file' as const, label: `In a file of its own, ${DEFAULTS.keyFile}`, hint: 'made now, readable by you alone' },
        { value: 'env' as const, label: 'In the environment, STRONGROOM_LOCAL_KEY', hint: 'you set it' },
        { value: 'beside' as const, label: 'In the folder itself', hint: 'a copy of the folder is a copy of the secrets' },
      ],
    }),
  )
}

async function askMetadata(): Promise<Fields | undefined> {
  const type = await answered(
    select({
      message: 'Which database keeps the records and the audit trail?',
      options: [
        { value: 'sqlite' as const, label: 'SQLite', hint: 'one file, one machine' },
        { value: 'postgres' as const, label: 'PostgreSQL', hint: 'many machines' },
        { value: 'none' as const, label: 'None', hint: 'plain stores only' },
      ],
    }),
  )
  if (type === 'none') return undefined
  if (type === 'sqlite') return { type, path: await askText({ message: 'In which file?', usual: './meta.db' }) }
  const validate = (given: string | undefined): string | undefined =>
    given === undefined || given === '' || /^[A-Za-z_][A-Za-z0-9_]*$/.test(given)
      ? undefined
      : 'A variable’s name: A-Z a-z 0-9 _, no digit first. The URL itself never stands in a file.'
  return { type, url: { env: await askText({ message: 'Which variable of the environment has its URL?', usual: DEFAULTS.databaseUrl }, validate) } }
}

async function askAccount(): Promise<string> {
  return await askText({ message: 'Whose secrets will you keep first? (an account’s name; empty: later)', placeholder: 'acme' }, accountProblem)
}

async function askText(
  { message, placeholder, usual }: Question,
  validate: (given: string | undefined) => string | undefined = () => undefined,
): Promise<string> {
  const hint = placeholder ?? usual
  return await answered(text({ message, validate, defaultValue: usual ?? '', ...(hint !== undefined && { placeholder: hint }) }))
}

async function answered<Answer>(asking: Promise<Answer>): Promise<Exclude<Answer, symbol>> {
  const answer = await asking
  if (isCancel(answer)) throw SecretError.refused('aborted', 'strongroom')
  return answer as Exclude<Answer, symbol>
}
