import type { Violation } from './invariants.ts'

interface Shown {
  /** Of which configuration, by its name, the trace is. */
  readonly by: string
  /** What is broken without the rule. */
  readonly breaks: Violation['invariant']
  /** A second rule that must be taken out too, since each stands behind the other. */
  readonly behind?: string
}

/** Each rule of the protocol that can be taken out of the model, and what is lost without it. The groups are those of docs/model.md. */
const TABLE = {
  // the operation id
  'a commit needs its intent': { by: 'aws: update', breaks: '7 whole' },
  'a commit takes its intent along': { by: 'aws: update', breaks: '6 one writer' },
  // an intent that is gone
  'a commit asked again answers by the audit trail': { by: 'vault: update', breaks: '7 whole' },
  'a writer never deletes from the cloud': { by: 'aws: update', breaks: '2 pointer' },
  // a put without an answer
  'a put without an answer is no failure': { by: 'azure: create', breaks: '3 orphans' },
  'a refusal after a put without an answer is no failure': { by: 'vault: update, of one round', breaks: '3 orphans' },
  'a put that may land twice is watched': { by: 'google: update', breaks: '3 orphans' },
  // the lease
  'a writer sends only inside its lease': { by: 'vault: update', breaks: '3 orphans' },
  'the lease counts from the first begin': { by: 'vault: create', breaks: '2 pointer' },
  // recovery
  'recovery waits for the lease': { by: 'vault: update', breaks: '3 orphans' },
  'recovery deletes the intent before it calls the cloud': { by: 'azure: create', breaks: '2 pointer' },
  'recovery finishes only what it can prove': { by: 'vault: update, outsider', breaks: '1 acknowledged' },
  // the watch
  'what was undone is watched': { by: 'vault: update', breaks: '3 orphans' },
  'a watch waits until nothing can land': { by: 'vault: update', breaks: '3 orphans' },
  'a watch lists before it asks': { by: 'google: update, repair', breaks: '2 pointer' },
  'a watch waits for the path’s intent': { by: 'google: update, repair', breaks: '2 pointer' },
  'a watch purges also where it lists nothing': { by: 'google: create', breaks: '3 orphans' },
  'a watch removes only what has its token': { by: 'azure: update, outsider', breaks: '9 foreign' },
  // the queue
  'a task that failed is due again': { by: 'aws: update', breaks: '3 orphans' },
  'a delete queues its purge': { by: 'vault: update, delete', breaks: '3 orphans' },
  // the label
  'an update queues its promote': { by: 'aws: keep two: update, rollback', breaks: '8 outsiders' },
  'a promote compares the holder of the label': { by: 'aws: keep two: update, rollback', breaks: '8 outsiders' },
  'a destruction waits for the label': { by: 'local: update', breaks: '8 outsiders' },
  // one writer
  'a change waits for the record’s intent': { by: 'vault: update, delete', breaks: '6 one writer' },
  'one intent a record': { by: 'local: update, update', breaks: '6 one writer' },
  'one create a key': { by: 'aws: create, create', breaks: '6 one writer' },
  // retention and rollback
  'a commit queues what falls out': { by: 'vault: update', breaks: '3 orphans' },
  'a watch spares what the record keeps': {
    by: 'vault: keep two: update, update',
    breaks: '2 pointer',
    behind: 'a claim drops what a row keeps',
  },
  'a claim drops what a row keeps': {
    by: 'vault: keep two: update, update',
    breaks: '2 pointer',
    behind: 'a watch spares what the record keeps',
  },
  'a rollback is to what is kept': { by: 'aws: keep two: update, rollback', breaks: '2 pointer' },
  'a rollback queues its promote': { by: 'aws: keep two: update, rollback', breaks: '8 outsiders' },
  // idempotency keys
  'an idempotency key is looked up': { by: 'local: the same update again', breaks: '11 once' },
  'a commit stores the answer of its idempotency key': { by: 'local: the same update again', breaks: '11 once' },
  // repair
  'a repair holds the record as it saw it': { by: 'google: update, repair', breaks: '1 acknowledged' },
  'an orphan has the registry’s labels': { by: 'aws: create that lands too late, sweep', breaks: '9 foreign' },
  'an orphan is looked for': { by: 'aws: create that lands too late, sweep', breaks: '12 ends' },
  // migration
  'a migration’s commit compares the pointer': { by: 'vault: migrate, update', breaks: '1 acknowledged' },
  'a migration gives way to a write under way': { by: 'vault: migrate, update', breaks: '6 one writer' },
  'a migration commits by its intent': { by: 'vault: migrate', breaks: '2 pointer' },
  'a copy is read back': { by: 'vault: migrate, garbled', breaks: '1 acknowledged' },
  'a copy that is given up is purged': { by: 'vault: migrate, update', breaks: '3 orphans' },
  'a migration that has put nothing purges once its lease is over': { by: 'vault to google: migrate, migrate', breaks: '3 orphans' },
  'a migration begins again only inside its lease': { by: 'vault to google: migrate, migrate', breaks: '2 pointer' },
  'a resumed copy is watched': { by: 'vault to azure: migrate, migrate', breaks: '3 orphans' },
  'a place that is left is purged': { by: 'vault: migrate', breaks: '3 orphans' },
  'a watch leaves an old copy to its own purge': { by: 'local: moved before a late put: return', breaks: '2 pointer' },
  'a delete makes old copies due': { by: 'vault: kept: migrate, delete', breaks: '12 ends' },
  // return
  'a return compares the pointer': { by: 'vault: moved: return, update', breaks: '1 acknowledged' },
  'a return compares the values': { by: 'vault: moved: return, update', breaks: '1 acknowledged' },
  'a return gives way to a write under way': { by: 'vault: moved: return, update', breaks: '6 one writer' },
  'a return is to a copy that nobody has claimed': { by: 'vault: moved: return, update', breaks: '2 pointer' },
  'a return takes back the purge of its copy': { by: 'vault: moved: return, update', breaks: '2 pointer', behind: 'a claim drops what a row keeps' },
  'a return is to a path with no other task': { by: 'local: moved before a late put: return', breaks: '3 orphans' },
  'a return is to a path with nothing beside the copy': { by: 'local: moved before a late put: return', breaks: '3 orphans' },
  'a return is to what is current': { by: 'local: moved behind its label: return', breaks: '8 outsiders' },
  // readers
  'a read is of the pointer’s version': { by: 'local: update, reader', breaks: '4 reads' },
  'a read that misses looks at the pointer again': { by: 'local: update, reader', breaks: '4 reads' },
} as const

export type Rule = keyof typeof TABLE | (typeof SECOND_LINES)[number]

/** Rules that can be taken out unseen: another one stands before each. They are in the code all the same. */
const SECOND_LINES = [
  'a lease that recovery has claimed is not the writer’s',
  'an unfinished create is purged',
  'an unfinished migration is purged',
  'an update’s commit compares the place',
  'one migration a record',
  'a migration begins where it has read',
  'a migration is resumed with the same version',
  'a claim leaves what an intent needs',
  'no pointer moves onto a queued version',
  'a commit compares the row',
  'a promote ends only if the pointer has not moved',
  'a rollback takes back what would destroy its version',
] as const

const entries: readonly (readonly [string, Shown])[] = Object.entries(TABLE)

export const RULES: ReadonlyMap<Rule, Shown> = new Map(entries as readonly (readonly [Rule, Shown])[])
