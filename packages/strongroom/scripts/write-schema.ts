// `npm run generate`: writes config.schema.json, which a test compares with what this would write.
import { writeFileSync } from 'node:fs'
import { configJsonSchema } from '../src/config/json-schema.ts'

writeFileSync(new URL('../config.schema.json', import.meta.url), `${JSON.stringify(configJsonSchema(), null, 2)}\n`)
