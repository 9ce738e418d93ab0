// Cases that several databases share. Apart from the servers, since they are for vitest alone.
export {
  BEFORE_KEPT_VERSIONS,
  BEFORE_MIGRATIONS,
  expectIntentOfBefore,
  expectKeptVersions,
  expectMigrationsFromNowOn,
  expectNothingTwice,
} from './earlier-schema.ts'
export { expectMovedAndBack } from './moved-and-back.ts'
export { expectRefusedAndWhole, expectWholeInMidOperation, type Trouble } from './trouble.ts'
