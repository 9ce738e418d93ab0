// Fills a SQLite file with the secrets of a registry, and prints the ids of some: for a server that is to be measured, which would otherwise go
// on with what V8 has learned from so many objects that all stay.
import { sqliteDatabase } from './databases.ts'
import { filled } from './fill.ts'

const [path = '', count = ''] = process.argv.slice(2)
await using database = await sqliteDatabase(path)
const { registry, sample } = await filled(database, Number(count))
process.stdout.write(JSON.stringify(sample.map(({ id }) => id)))
await registry.close()
