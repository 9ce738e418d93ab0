/** The first of some things by their names, and how many more there are. */
export function andMore(first: readonly string[], total: number): string {
  const more = total - first.length
  return `${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
