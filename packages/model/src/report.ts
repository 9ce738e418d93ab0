import { explore } from './explore.ts'
import { RULES, type Rule } from './rules.ts'
import type { Configuration } from './system.ts'

/** Explores every configuration with all rules, and then without each rule the one that shows what it is for. */
export function report(
  configurations: ReadonlyMap<string, Configuration>,
  say: (line: string) => void,
  traces: boolean,
): { readonly text: string; readonly failed: boolean } {
  let states = 0
  let violations = 0
  let notShown = 0
  say(`${'configuration'.padEnd(42)}${'states'.padStart(9)}${'depth'.padStart(7)}${'seconds'.padStart(9)}`)
  for (const [name, configuration] of configurations) {
    const found = explore({ ...configuration, off: new Set() })
    states += found.states
    say(`${name.padEnd(42)}${String(found.states).padStart(9)}${String(found.depth).padStart(7)}${found.seconds.toFixed(1).padStart(9)}`)
    if (found.isCut) say(`  more states than are looked at`)
    if (found.violation !== undefined) say(traceText(found.violation))
    if (found.isCut || found.violation !== undefined) violations += 1
  }
  say(`\n${'without the rule'.padEnd(56)}${'breaks'.padEnd(16)}${'steps'.padStart(6)}`)
  for (const [rule, { by, breaks, behind }] of RULES) {
    const configuration = configurations.get(by)
    if (configuration === undefined) throw new RangeError(`there is no configuration ${by}`)
    const off = new Set([rule, ...(behind === undefined ? [] : [behind as Rule])])
    const { violation, states: seen } = explore({ ...configuration, off }, breaks)
    states += seen
    if (violation?.invariant !== breaks) {
      notShown += 1
      say(`${rule.padEnd(56)}nothing, in ${by}, where ${breaks} should break`)
      continue
    }
    say(`${rule.padEnd(56)}${breaks.padEnd(16)}${String(violation.trace.length).padStart(6)}`)
    if (traces) say(traceText(violation))
  }
  const text = `\nconfigurations ${configurations.size}, states ${states}, rules ${RULES.size}, violations ${violations}, rules not shown ${notShown}`
  return { text, failed: violations > 0 || notShown > 0 }
}

function traceText({ invariant, says, trace }: { readonly invariant: string; readonly says: string; readonly trace: readonly string[] }): string {
  return [`  ${invariant}: ${says}`, ...trace.map((step, index) => `  ${String(index + 1).padStart(4)}. ${step}`)].join('\n')
}
