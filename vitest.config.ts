import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Not `module`: it names files for bundlers, and the AWS SDK's cannot be loaded by Node. Nor `import`, which is added where a module imports:
// it would be given to `require` too, and pg asks for pg-pool by that.
const conditions = ['@strongroom/source', 'node', 'default']

/** A file that runs the kit waits for a deadline in each of some sixty cases; by size, which vitest goes by, these are among the last. */
class KitFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const runsKit = ({ moduleId }: TestSpecification): boolean => /\/(?:conformance[^/]*|variants|memory)\.test\.ts$/.test(moduleId)
    return [...sorted.filter(runsKit), ...sorted.filter(file => !runsKit(file))]
  }
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts', 'docs/**/*.test.ts', 'scripts/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // More than the two cores of the smallest machine that runs this: most of the time goes to waiting, for deadlines and for servers.
    maxWorkers: 3,
    sequence: { sequencer: KitFirst },
  },
})
