import type { SecretErrorCode } from '@strongroom/core'
import type { CustomStore } from '../../config/check.ts'
import type { StoreConfig } from '../../config/schema.ts'

type Known = Readonly<Partial<Record<SecretErrorCode, string>>>

const EVERYWHERE: Known = {
  throttled: 'Wait and run it again. If it stays so, ask for a higher quota, or find out who else uses this one.',
  quota_exceeded: 'Raise the quota, or remove what is not needed any more.',
  deadline_exceeded: 'It was waited for in vain. Look for a firewall or a proxy that drops packets, or raise policy.deadlineMs.',
  unknown: 'Run it again; if it stays so, something between here and the backend answers in its place.',
  corrupt: 'What answered is incomplete: look for a proxy in between.',
}

/** What to do about a failure of a store that is no denial of one operation. */
export function mendOf(code: SecretErrorCode, store: StoreConfig | CustomStore, hint: string | undefined): string {
  const known: Known = { ...EVERYWHERE, ...ownOf(store as StoreConfig) }
  return known[code] ?? (hint === undefined ? `See ${code} in docs/errors.md.` : 'Change the configuration accordingly.')
}

function ownOf(store: StoreConfig): Known {
  switch (store.type) {
    case 'aws': {
      const host = store.endpoint === undefined ? `secretsmanager.${store.region}.amazonaws.com` : `the endpoint ${hostOf(store.endpoint)}`
      const who = store.credentials === undefined ? 'the SDK’s chain (AWS_ACCESS_KEY_ID, AWS_PROFILE, the role of this machine)' : 'credentials'
      return {
        unavailable: `Nothing answers as ${host}: check region and endpoint, then network, DNS, proxy and firewall.`,
        unauthenticated: `Check ${who}: missing, wrong, expired, or signed for another region than ${store.region}. \`aws sts get-caller-identity\` shows whose they are.`,
        misconfigured: `Check that region, endpoint and accountId name one place and are the credentials’ own.`,
      }
    }
    case 'gcp': {
      const where = store.endpoint === undefined ? 'Google' : hostOf(store.endpoint)
      return {
        unavailable: `${where} does not answer: check region and endpoint, then network, DNS, proxy and firewall. Where only HTTP/1.1 gets out, set transport: rest.`,
        unauthenticated:
          'Give credentials, keyFile or accessToken, or set up application default credentials: `gcloud auth application-default login`. A token may have expired.',
        misconfigured: `Check the project ${store.projectId}: the Secret Manager API must be enabled (\`gcloud services enable secretmanager.googleapis.com\`) and billing be on.`,
      }
    }
    case 'azure':
      return {
        unavailable: `${hostOf(store.vaultUrl)} does not answer: check vaultUrl, then network, DNS, proxy and the vault’s firewall.`,
        unauthenticated: `Check credential (kind ${store.credential?.kind ?? 'default'}): it gave no token, or one of another tenant, or one that has expired. Name the kind that this machine has.`,
        misconfigured: `Check that ${hostOf(store.vaultUrl)} is the vault, and tls.ca where its certificate is not a public one.`,
      }
    case 'vault':
      return {
        unavailable: `${hostOf(store.address)} does not answer, or is sealed: check address, then \`vault status\`, network and firewall.`,
        unauthenticated: `Check auth (${store.auth?.method ?? 'VAULT_TOKEN or ~/.vault-token'}): the token or login is missing, wrong or expired. \`vault token lookup\` tells.`,
        misconfigured: `Check address, namespace and mount (${store.mount ?? 'secret'}): it must be the KV engine, version 2. \`vault secrets list -detailed\` shows it.`,
      }
    case 'local':
      return {
        misconfigured:
          'Check path, its owner and mode, and the key: STRONGROOM_LOCAL_KEY or the key file must be the one that the store was written with.',
        unavailable: 'Another process holds the store’s database, or its disk does not answer.',
        corrupt: 'The store’s files are damaged or another program’s. Put back a copy.',
      }
    case 'memory':
      return {}
  }
}

/** Without user, path and query, which a person may have put a credential in. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'what is configured'
}
