import { defineConfig, type ViteUserConfig } from 'vitest/config'

const conditions = ['@strongroom/source', 'node', 'import', 'module', 'default']

const config: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: { include: ['with-vitest.ts'], root: import.meta.dirname, pool: 'threads', maxWorkers: 1 },
})

export default config
