import type { MetadataStore } from '../metadata.ts'

const SHOWN = 3

/** What records and work still name a store, for a person: the first records by key and account, and how many more there are. */
export async function stillUsed(metadata: MetadataStore, registry: string, store: string): Promise<string> {
  const { records, intents, tasks } = await metadata.references({ registry, store }, {})
  const first = records === 0 ? [] : await metadata.scan({ registry, store, after: undefined, limit: SHOWN }, {})
  const named = first.map(({ key, accountId }) => `${JSON.stringify(key)} of ${JSON.stringify(accountId)}`)
  const more = records - first.length
  const rows = `${counted(records, 'record')}: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  const work = counted(intents + tasks, 'unfinished operation')
  return `${JSON.stringify(store)} (${[...(records > 0 ? [rows] : []), ...(intents + tasks > 0 ? [work] : [])].join('; ')})`
}

function counted(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}
