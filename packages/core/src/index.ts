export { AUDIT_GENESIS, auditHash, verifyAudit, type Action, type AuditDraft, type AuditEntry, type AuditVerdict } from './audit.ts'
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
export { isSecretError, SecretError, secretErrorCodes, type Failure, type SecretErrorCode, type SecretErrorInit } from './errors.ts'
export { memoryDriver, type MemoryDriverOptions } from './memory-driver.ts'
export type {
  BeginCreate,
  BeginUpdate,
  Busy,
  CommitOutcome,
  Intent,
  IntentId,
  MetadataStore,
  PageRequest,
  PathOwner,
  Pointer,
  QueueDraft,
  QueueEntry,
  QueueTask,
  RecordPage,
  References,
  SecretRecord,
  SortField,
  SortOrder,
  StoredRecord,
} from './metadata.ts'
export { decodeName, encodeName } from './names.ts'
export type { OperationEvent, StorePolicy } from './policy.ts'
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
export { accountId, secretId, type AccountId, type Actor, type CallOptions, type NativePath, type SecretId, type VersionId } from './words.ts'
