import assert from 'node:assert/strict'
import type { CaseContext } from '../case-context.ts'
import type { DriverCase } from '../driver-case.ts'

const SECRET_VARIABLE = /SECRET|TOKEN|PASSWORD|PASSPHRASE|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY/i
const SHORTEST_SECRET = 8

export const locationCases: readonly DriverCase[] = [
  {
    id: 'location/is-stable-text',
    title: 'the location is short printable text that does not change, or undefined',
    needs: [],
    async run(context: CaseContext) {
      const { location } = context.driver
      if (location === undefined) context.skip('the options do not tell the location')
      assert.match(location, /^[\x21-\x7e]{1,512}$/, 'printable, without spaces')
      await context.create()
      assert.equal(context.driver.location, location)
    },
  },
  {
    id: 'location/same-for-second',
    title: 'two drivers for one place have the same location',
    needs: ['second'],
    async run({ driver, hooks }) {
      assert.equal(hooks.second.location, driver.location)
    },
  },
  {
    id: 'location/same-for-another-principal',
    title: 'who asks does not change the location',
    needs: ['denied'],
    async run({ driver, hooks }) {
      assert.equal(hooks.denied.location, driver.location)
    },
  },
  {
    id: 'location/has-no-credentials',
    title: 'the location has no user, password, key or token in it',
    needs: [],
    async run(context: CaseContext) {
      const { location } = context.driver
      if (location === undefined) context.skip('the options do not tell the location')
      assert.doesNotMatch(location, /\/\/[^/?#]*@/, 'no user or password before a host')
      assert.doesNotMatch(location, /[?&;](?:[^=&;]*(?:token|key|secret|password|signature|sig|credential)[^=&;]*)=/i, 'no credential in a query')
      assert.doesNotMatch(location, /(?:^|[^A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}/, 'no AWS access key id')
      assert.doesNotMatch(location, /(?:^|[^a-z])(?:hvs|hvb|hvr|s)\.[A-Za-z0-9_-]{20,}/, 'no Vault token')
      for (const [name, value] of Object.entries(process.env)) {
        if (value === undefined || value.length < SHORTEST_SECRET || !SECRET_VARIABLE.test(name)) continue
        assert.ok(!location.includes(value), `not the value of ${name}`)
      }
    },
  },
]
