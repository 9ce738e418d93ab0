/** Stable: scripts rely on them. Documented in docs/cli.md. */
export const EXIT = {
  failed: 1,
  usage: 2,
  configuration: 3,
  missing: 4,
  denied: 5,
  conflict: 6,
  retry: 7,
  unclear: 8,
  interrupted: 130,
  /** Whoever read the output has gone, as a command that dies of SIGPIPE says. */
  unread: 141,
} as const
