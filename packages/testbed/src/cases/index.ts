// Cases that several databases share. Apart from the servers, since they are for vitest alone.
export { BEFORE_KEPT_VERSIONS, expectIntentOfBefore, expectKeptVersions } from './earlier-schema.ts'
export { expectRefusedAndWhole, expectWholeInMidOperation, type Trouble } from './trouble.ts'
