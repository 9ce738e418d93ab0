import { EXIT } from './exit-codes.ts'

/** Ends the process once nobody reads what it prints, as in `strongroom list | head -1`. */
export function endUnread(): void {
  process.exit(EXIT.unread)
}
