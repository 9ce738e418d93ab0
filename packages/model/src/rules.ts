/** The rules of the protocol that can be taken out, by their number in docs/model.md. */
export const RULES = [
  // 1. the operation id
  'a commit needs its intent',
  'a commit takes its intent along',
  // 2. the intent is gone
  'a commit asked again answers by the audit trail',
  'a writer never deletes from the cloud',
  // 3. no answer
  'a put without an answer is no failure',
  'a refusal after a put without an answer is no failure',
  'a put that may land twice is watched',
  'a refused append is sent again after the newest',
  // 4. the lease
  'a writer sends only inside its lease',
  'a lease that recovery has claimed is not the writer’s',
  'the lease counts from the first begin',
  // 5. recovery
  'recovery waits for the lease',
  'recovery deletes the intent before it calls the cloud',
  'an unfinished create is purged',
  'recovery finishes only what it can prove',
  // 6. the watch
  'what was undone is watched',
  'a watch waits until nothing can land',
  'a watch lists before it asks',
  'a watch removes only what it listed',
  'a watch waits for the path’s intent',
  'a watch purges also where it lists nothing',
  'a watch removes only what has its token',
  // 7. the queue
  'a claim drops what a row keeps',
  'a claim leaves what an intent needs',
  'no pointer moves onto a queued version',
  'a commit compares the row',
  'a task that failed is due again',
  // 8. the label
  'an update queues its promote',
  'a promote compares the holder of the label',
  'a promote ends only if the pointer has not moved',
  // 9. one writer
  'a change waits for the record’s intent',
  'one intent a record',
  'one create a key',
  'a delete queues its purge',
  // 10. retention and rollback
  'a commit queues what falls out',
  'a watch spares what the record keeps',
  'a rollback is to what is kept',
  'a rollback queues its promote',
  // 11. idempotency keys
  'an idempotency key is looked up',
  'a commit stores the answer of its idempotency key',
  // 12. repair
  'a repair holds the record as it saw it',
  'an orphan has the registry’s labels',
  // 13. readers
  'a read is of the pointer’s version',
  'a read that misses looks at the pointer again',
] as const

export type Rule = (typeof RULES)[number]
