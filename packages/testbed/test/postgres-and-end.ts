// Comes to its end by itself, with a code, after it has used PostgreSQL.
import { startPostgres } from '@strongroom/testbed'

process.exitCode = 7
const server = await startPostgres()
await server.stop()
