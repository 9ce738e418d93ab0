import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { Hono } from 'hono'
import { suiteTitle, unlessRequired } from '@strongroom/testbed'
import { describe, expect, it } from 'vitest'
import { startSecretsServer } from '../src/node/index.ts'
import { startService } from './support/service.ts'

const CHROMIUM = '/usr/bin/chromium'
const missing = existsSync(CHROMIUM) ? undefined : unlessRequired(`there is no ${CHROMIUM}`)
/** Without them Chromium calls its maker when it starts. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

describe('/docs', () => {
  it('is there only where it is asked for, and only its own files', async () => {
    await using without = await startService()
    for (const path of ['/docs', '/docs/start.js']) expect((await without.call('GET', path)).status).toBe(404)
    await using service = await startService({ docs: true })
    const page = await fetch(`${service.url}/docs`)
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self';")
    for (const path of ['/docs/..%2fpackage.json', '/docs/package.json', '/docs/swagger-initializer.js', '/docs/__proto__']) {
      expect((await service.call('GET', path)).status, path).toBe(404)
    }
  })
})

describe.skipIf(missing !== undefined)(suiteTitle('/docs in a browser', missing), () => {
  it.each(['', '/internal'])('under the path "%s" shows every operation, and asks nothing of anyone else', { timeout: 90_000 }, async under => {
    await using service = await startService({ docs: true })
    await using server = await startSecretsServer({ fetch: new Hono().mount(`${under}/`, service.app.fetch).fetch })
    const base = server.url + under
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET })
    try {
      const page = await browser.newPage({ viewport: { width: 1200, height: 1400 } })
      const asked: string[] = []
      const wrong: string[] = []
      page.on('request', request => void asked.push(request.url()))
      page.on('pageerror', error => void wrong.push(String(error)))
      page.on('console', message => void (message.type() === 'error' && wrong.push(message.text())))
      await page.goto(`${base}/docs`)
      await page.waitForSelector('#operations-Secrets-createSecret')
      expect(await page.title()).toBe('Strongroom secrets')
      const shown = await page
        .locator('.opblock-summary')
        .evaluateAll(all => all.map(one => (one.textContent ?? '').replaceAll(/[\s\u200b]+/g, ' ').trim()))
      expect(shown.length).toBe(7)
      for (const path of ['POST/v5/sgp/secrets', 'PATCH/v5/sgp/secrets/{secret_id}', 'GET/healthz']) expect(shown.join('\n')).toContain(path)
      // Tried as a person would: a request from the page itself.
      await page.click('#operations-Operation-health .opblock-summary')
      await page.click('#operations-Operation-health .try-out__btn')
      await page.click('#operations-Operation-health .execute')
      await page.waitForSelector('#operations-Operation-health .live-responses-table')
      expect(await page.textContent('#operations-Operation-health .live-responses-table')).toContain('"status": "ok"')
      const screenshot = process.env['DOCS_SCREENSHOT']
      if (screenshot !== undefined) await page.screenshot({ path: screenshot, fullPage: true })
      expect(wrong).toEqual([])
      expect(asked.length).toBeGreaterThan(4)
      expect(asked.filter(url => !url.startsWith(`${base}/`) && !url.startsWith('data:'))).toEqual([])
    } finally {
      await browser.close()
    }
  })
})
