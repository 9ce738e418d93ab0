import type { Filter } from './limits.ts'
import type { SecretView } from './secret.ts'

/** Whether all of the filters let a secret through. */
export function passes(view: SecretView, filters: readonly Filter[]): boolean {
  return filters.every(({ key, values }) =>
    values.some(value => (value.startsWith('!') ? !matches(view, key, value.slice(1)) : matches(view, key, value))),
  )
}

function matches(view: SecretView, key: Filter['key'], value: string): boolean {
  const { name, description, tags } = view
  switch (key) {
    case 'name':
      return name.startsWith(value)
    case 'tag-key':
      return tags.some(({ Key }) => Key.startsWith(value))
    case 'tag-value':
      return tags.some(({ Value }) => Value.startsWith(value))
    case 'description':
      return hasWords(value, [description])
    case 'all':
      return hasWords(value, [name, description, ...tags.flatMap(({ Key, Value }) => [Key, Value])])
    case 'primary-region':
    case 'owning-service':
      return false // neither replicas nor secrets of other services are imitated
  }
}

/** The documentation says prefix for descriptions; AWS was seen to take it word by word. Not case-sensitive. */
function hasWords(value: string, texts: readonly string[]): boolean {
  const words = texts.flatMap(wordsOf)
  return wordsOf(value).every(wanted => words.some(word => word.startsWith(wanted)))
}

function wordsOf(value: string): readonly string[] {
  return value
    .toLowerCase()
    .split(/[\s/_+=.@:!-]+/)
    .filter(word => word !== '')
}
