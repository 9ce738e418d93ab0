export { AUDIT_GENESIS, auditHash, verifyAudit, type Action, type AuditDraft, type AuditEntry, type AuditVerdict } from './audit.ts'
export { unsafeAllowEveryone, type AuthorizationRequest, type Authorize } from './authorization.ts'
export { cached, type CacheOptions } from './cached.ts'
export { createSecretMigrator } from './load-migrator.ts'
export { createSecretReader } from './create-secret-reader.ts'
export { createSecretRegistry } from './create-secret-registry.ts'
export { createSecretStore } from './create-secret-store.ts'
export type {
  AppendRequest,
  CreateRequest,
  DriverCall,
  DriverCapabilities,
  DriverEntry,
  DriverPage,
  DriverVersion,
  Payload,
  PromoteRequest,
  ReadOutcome,
  Removal,
  SecretDriver,
} from './driver.ts'
export { isTraceparent, tracedSignal } from './trace.ts'
export { attentionFor } from './internal/upkeep.ts'
export { isObject } from './internal/checks.ts'
export { isSecretError, SecretError, secretErrorCodes, type Failure, type SecretErrorCode, type SecretErrorInit } from './errors.ts'
export { fallback } from './fallback.ts'
export { startMaintenance, type Maintenance, type MaintenanceOptions } from './maintenance.ts'
export { memoryDriver, type MemoryDriverOptions } from './memory-driver.ts'
export { memoryMetadata, type MemoryMetadataOptions } from './memory-metadata.ts'
export { chainedEntry, isRepeated, type AuditHead } from './metadata-support/audit.ts'
export { answeredBy, answerText, recordOfAnswer, requestRow, type RequestRow } from './metadata-support/idempotency.ts'
export {
  auditOfIntent,
  begunAgain,
  busy,
  claimedIntent,
  createIntent,
  migrateIntent,
  pendingOfIntent,
  updateIntent,
} from './metadata-support/intents.ts'
export {
  adoptedRecord,
  changedRecord,
  createdRecord,
  keptBy,
  migratedRecord,
  rolledBackRecord,
  samePointer,
  updatedRecord,
  withoutPointer,
} from './metadata-support/records.ts'
export { requireDrafts, requireRevision, requireWhole, type RequestOf } from './metadata-support/requests.ts'
export { auditOfRow, auditRow, type AuditRow } from './metadata-support/rows/audit.ts'
export { intentOfRow, intentRow, type IntentRow } from './metadata-support/rows/intent.ts'
export { keptOfRow, NEVER_UPDATED, recordOfRow, recordRow, storedOfRow, type ListedRow, type RecordRow } from './metadata-support/rows/record.ts'
export { taskOfRow, taskRow, type TaskRow } from './metadata-support/rows/task.ts'
export { boundElsewhere } from './metadata-support/stores.ts'
export {
  claimedTask,
  destroys,
  entryOfTask,
  isIdle,
  mayRepair,
  newTask,
  oldCopyOf,
  pendingOfTask,
  postponedTask,
  FAILING_AFTER,
  REMEMBER_SETTLED_MS,
  type Task,
} from './metadata-support/tasks.ts'
export type { MetadataStore } from './metadata.ts'
export type {
  AdoptRequest,
  Answered,
  BeginCreate,
  BoundNames,
  BeginMigrate,
  BeginUpdate,
  Busy,
  CommitOutcome,
  IdempotentRequest,
  PageRequest,
  PathOwner,
  RecordPage,
  References,
  RepairRequest,
  SortField,
  SortOrder,
} from './metadata-requests.ts'
export type { OldCopy, Pointer, RecordVersion, SecretRecord, StoredRecord } from './records.ts'
export type { Intent, IntentId, PendingWork, QueueDraft, QueueEntry, QueueTask } from './work.ts'
export type {
  AdoptOptions,
  Adoption,
  AdoptionReport,
  MigrateOptions,
  Migration,
  MigrationPlan,
  MigrationRate,
  MigrationReport,
  PlanOptions,
  Unfit,
} from './migration.ts'
export type { MigratorOptions, SecretMigrator } from './migrator.ts'
export { decodeName, encodeName } from './names.ts'
export type { OperationEvent, StorePolicy } from './policy.ts'
export type { Finding, FindingKind, ReconcileOptions, ReconcileReport, RepairKind } from './reconciliation.ts'
export { readOnly } from './read-only.ts'
export type { AccountReader, ReaderOptions, ReadOnlyDriver, ReadValue, SecretReader } from './reader.ts'
export type {
  AccountSecrets,
  AuditQuery,
  CreateInput,
  CreateOptions,
  DeleteRecordOptions,
  ListQuery,
  MaintainOptions,
  MaintenanceReport,
  PendingItem,
  RegistryOptions,
  RegistryPolicy,
  RollbackResult,
  SecretRegistry,
  SecretVersion,
  UpdateInput,
  UpdateOptions,
  WriteOnlyDriver,
  WriteOptions,
} from './registry.ts'
export type {
  DeleteOptions,
  GetOptions,
  GetOutcome,
  ListOptions,
  PutOptions,
  SecretEntry,
  SecretSource,
  SecretStore,
  StoredSecret,
} from './secret-store.ts'
export { SecretValue, type ValueInput } from './value.ts'
export {
  accountId,
  secretId,
  type AccountId,
  type Actor,
  type CallOptions,
  type IfRevision,
  type NativePath,
  type SecretId,
  type VersionId,
} from './words.ts'
