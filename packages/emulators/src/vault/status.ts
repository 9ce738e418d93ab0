import type { WireAnswer } from '../shared/http-server.ts'
import { json, type Flavour } from './answers.ts'

/** The servers whose answers these are: OpenBao as it was run, Vault as it is shown. */
const VERSIONS = { openbao: '2.7.2', vault: '1.18.5' }
const CLUSTER = { cluster_name: 'vault-cluster-emulated', cluster_id: '00000000-0000-4000-8000-000000000000' }

/** `sys/health`: 503 while it is sealed. */
export function health(flavour: Flavour, sealed: boolean, now: number): WireAnswer {
  const mode = sealed ? 'unknown' : 'disabled'
  const body = {
    initialized: true,
    sealed,
    standby: sealed,
    ...(flavour === 'vault' ? { performance_standby: false } : {}),
    replication_performance_mode: mode,
    replication_dr_mode: mode,
    server_time_utc: Math.floor(now / 1_000),
    version: VERSIONS[flavour],
    ...(flavour === 'vault' ? { enterprise: false } : {}),
    ...(sealed ? {} : CLUSTER),
    ...(flavour === 'vault' ? { echo_duration_ms: 0, clock_skew_ms: 0, replication_primary_canary_age_ms: 0 } : {}),
  }
  return json(sealed ? 503 : 200, body)
}

/** `sys/seal-status`: always 200. */
export function sealStatus(flavour: Flavour, sealed: boolean): WireAnswer {
  const body = {
    type: 'shamir',
    initialized: true,
    sealed,
    t: 1,
    n: 1,
    progress: 0,
    nonce: '',
    recovery_seal: false,
    version: VERSIONS[flavour],
    migration: false,
    ...(sealed ? {} : CLUSTER),
    storage_type: 'inmem',
  }
  return json(200, body)
}
