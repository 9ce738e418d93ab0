/** Where drongo 0.8.0 and our emulator of Google Secret Manager are known to answer differently, and who is right. */
export interface KnownDifference {
  readonly what: string
  /** The calls where it shows; undefined: any. */
  readonly rpcs: readonly string[] | undefined
  /** The special cases where it shows; undefined: any. */
  readonly about?: readonly string[] | undefined
  /** As `differences` says it: ours first. */
  readonly differences: readonly string[]
  readonly right: 'emulator' | 'drongo'
  readonly evidence: string
}

const STATES = ['enableSecretVersion', 'disableSecretVersion', 'destroySecretVersion']

export const knownDifferences: readonly KnownDifference[] = [
  {
    what: 'drongo has no annotations',
    rpcs: ['createSecret', 'getSecret', 'updateSecret', 'listSecrets'],
    differences: ['annotations'],
    right: 'emulator',
    evidence: 'resources.proto, Secret.annotations',
  },
  {
    what: 'drongo has no expiry',
    rpcs: ['createSecret', 'getSecret', 'updateSecret', 'listSecrets'],
    differences: ['expireTime', 'expiration'],
    right: 'emulator',
    evidence: 'resources.proto, Secret.expire_time: always provided on output, regardless of what was sent on input',
  },
  {
    what: 'drongo has no delayed destruction',
    rpcs: ['createSecret', 'getSecret', 'updateSecret', 'listSecrets'],
    differences: ['versionDestroyTtl'],
    right: 'emulator',
    evidence: 'resources.proto, Secret.version_destroy_ttl',
  },
  {
    what: 'drongo has no version aliases',
    rpcs: ['updateSecret', 'getSecret', 'listSecrets'],
    differences: ['versionAliases'],
    right: 'emulator',
    evidence: 'resources.proto, Secret.version_aliases: viewable via GetSecret and modifiable via UpdateSecret',
  },
  {
    what: 'so nothing is found by an alias in drongo',
    rpcs: ['accessSecretVersion', 'getSecretVersion'],
    about: ['an alias'],
    differences: ['OK / NOT_FOUND'],
    right: 'emulator',
    evidence: 'resources.proto, Secret.version_aliases: access by alias is supported on GetSecretVersion and AccessSecretVersion',
  },
  {
    what: 'drongo lets an alias go to a version that does not exist, since it keeps none',
    rpcs: ['updateSecret'],
    about: ['an alias to nothing'],
    differences: ['INVALID_ARGUMENT / OK'],
    right: 'emulator',
    evidence: 'resources.proto, Secret.version_aliases: mapping from version alias to version name (the code is our reading)',
  },
  {
    what: 'drongo looks at no update mask, and replaces the labels whenever the body has them',
    rpcs: ['updateSecret'],
    about: ['annotations', 'an alias to nothing', 'what the mask does not name'],
    differences: ['labels'],
    right: 'emulator',
    evidence: 'service.proto, UpdateSecretRequest.update_mask: specifies the fields to be updated',
  },
  {
    what: 'drongo does not need an update mask, and lets it name anything',
    rpcs: ['updateSecret'],
    about: ['no mask', 'what cannot be updated'],
    differences: ['INVALID_ARGUMENT / OK'],
    right: 'emulator',
    evidence: 'service.proto, UpdateSecretRequest.update_mask is REQUIRED; resources.proto, Secret.replication cannot be changed after creation',
  },
  {
    what: 'drongo compares no etags',
    rpcs: ['updateSecret', 'deleteSecret', ...STATES],
    about: ['a stale etag'],
    differences: ['FAILED_PRECONDITION / OK'],
    right: 'emulator',
    evidence: 'https://cloud.google.com/secret-manager/docs/etags: otherwise it fails with FAILED_PRECONDITION and an HTTP status code 400',
  },
  {
    what: 'drongo makes up a replication policy',
    rpcs: ['createSecret'],
    about: ['no replication'],
    differences: ['INVALID_ARGUMENT / OK'],
    right: 'emulator',
    evidence: 'https://github.com/hashicorp/terraform-provider-google/issues/11395: a secret whose replication was left out is refused with 400',
  },
  {
    what: 'drongo checks no labels and no secret ids',
    rpcs: ['createSecret'],
    about: ['a bad label', 'a bad id'],
    differences: ['INVALID_ARGUMENT / OK'],
    right: 'emulator',
    evidence: 'resources.proto, Secret.labels; service.proto, CreateSecretRequest.secret_id',
  },
  {
    what: 'drongo checks no payloads',
    rpcs: ['addSecretVersion'],
    about: ['an empty value', 'no value', 'a value that is too large', 'a wrong checksum'],
    differences: ['INVALID_ARGUMENT / OK'],
    right: 'emulator',
    evidence:
      'resources.proto, SecretPayload: no larger than 64KiB, the checksum is verified; https://github.com/hashicorp/terraform-provider-google/issues/8766: Error 400: Field [payload] is required',
  },
  {
    what: 'drongo keeps no checksums',
    rpcs: ['accessSecretVersion'],
    differences: ['payload.dataCrc32c', 'payload._dataCrc32c'],
    right: 'emulator',
    evidence: 'resources.proto, SecretPayload.data_crc32c: included in AccessSecretVersion responses, generated if none was given',
  },
  {
    what: 'drongo does not tell that a checksum came with the payload',
    rpcs: ['addSecretVersion', 'listSecretVersions', 'getSecretVersion', ...STATES],
    differences: ['clientSpecifiedPayloadChecksum'],
    right: 'emulator',
    evidence: 'resources.proto, SecretVersion.client_specified_payload_checksum',
  },
  {
    what: 'drongo gives no replication status',
    rpcs: ['addSecretVersion', 'getSecretVersion', 'listSecretVersions', ...STATES],
    differences: ['replicationStatus'],
    right: 'emulator',
    evidence: 'resources.proto, SecretVersion.replication_status: populated by the policy of the parent secret',
  },
  {
    what: 'drongo gives no time of destruction',
    rpcs: ['getSecretVersion', 'listSecretVersions', 'destroySecretVersion'],
    differences: ['destroyTime'],
    right: 'emulator',
    evidence: 'resources.proto, SecretVersion.destroy_time: only present if state is DESTROYED',
  },
  {
    what: "drongo's latest is the newest version that is enabled",
    rpcs: ['accessSecretVersion'],
    about: ['latest'],
    differences: ['FAILED_PRECONDITION / OK', 'FAILED_PRECONDITION / NOT_FOUND'],
    right: 'emulator',
    evidence: 'service.proto: latest is the most recently created version; https://github.com/external-secrets/external-secrets/issues/4042',
  },
  {
    what: "drongo's latest is the newest version that is enabled, in GetSecretVersion too",
    rpcs: ['getSecretVersion'],
    about: ['latest'],
    differences: ['name', 'state', 'OK / NOT_FOUND'],
    right: 'emulator',
    evidence: 'service.proto, GetSecretVersion: latest is an alias to the most recently created version',
  },
  {
    what: 'drongo takes `latest` where only numbers are',
    rpcs: STATES,
    about: ['latest'],
    differences: ['INVALID_ARGUMENT / OK', 'INVALID_ARGUMENT / NOT_FOUND'],
    right: 'emulator',
    evidence:
      'resources.proto, Secret.version_aliases: access by alias is only supported on GetSecretVersion and AccessSecretVersion (the code is our reading)',
  },
  {
    what: 'drongo changes a version that is destroyed',
    rpcs: STATES,
    about: ['destroyed', 'plain'],
    differences: ['FAILED_PRECONDITION / OK'],
    right: 'emulator',
    evidence:
      'resources.proto, State.DESTROYED: a version may not leave this state once entered; https://github.com/hashicorp/terraform-provider-google/issues/12504: Error 400: SecretVersion.state is already DESTROYED',
  },
  {
    what: 'drongo lists the oldest versions first, and secrets by their id',
    rpcs: ['listSecrets', 'listSecretVersions'],
    differences: ['order'],
    right: 'emulator',
    evidence: 'service.proto, ListSecretsResponse.secrets and ListSecretVersionsResponse.versions: sorted in reverse by create_time (newest first)',
  },
  {
    what: 'drongo has no pages',
    rpcs: ['listSecrets', 'listSecretVersions'],
    about: ['a page'],
    differences: ['items', 'more'],
    right: 'emulator',
    evidence: 'service.proto, ListSecretsRequest.page_size: the maximum number of results to be returned in a single page',
  },
  {
    what: 'drongo takes any page token',
    rpcs: ['listSecrets'],
    about: ['a foreign token'],
    differences: ['INVALID_ARGUMENT / OK'],
    right: 'emulator',
    evidence:
      'https://google.aip.dev/158: a token is opaque, and is refused with INVALID_ARGUMENT in another request (for one that was never given out it is our reading)',
  },
  {
    what: 'drongo has no filters',
    rpcs: ['listSecrets', 'listSecretVersions'],
    about: ['a filter'],
    differences: ['items', 'totalSize'],
    right: 'emulator',
    evidence: 'https://cloud.google.com/secret-manager/docs/filtering; service.proto, total_size: 0 when the filter field is set',
  },
  {
    what: 'drongo takes any filter',
    rpcs: ['listSecrets'],
    about: ['a bad filter'],
    differences: ['INVALID_ARGUMENT / OK'],
    right: 'emulator',
    evidence: 'https://google.aip.dev/160: a filter that does not comply is refused with INVALID_ARGUMENT',
  },
  {
    what: 'drongo has no regional secrets',
    rpcs: ['listSecrets'],
    about: ['a region'],
    differences: ['OK / NOT_FOUND'],
    right: 'emulator',
    evidence: 'service.proto, ListSecrets: additional_bindings',
  },
]
