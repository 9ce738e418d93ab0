// `npm run generate`: writes openapi.json, which a test compares with what this would write.
import { writeFileSync } from 'node:fs'
import { generatedDocument } from '../test/support/generated-document.ts'

writeFileSync(new URL('../openapi.json', import.meta.url), await generatedDocument())
