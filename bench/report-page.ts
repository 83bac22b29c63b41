/** `npx tsx bench/report-page.ts runs/x/report.html ...`: size, time to open and faults of reports, in Chromium. */
import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openBrowser } from '../tests/support/browser.ts';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
const browser = await openBrowser();
for (const file of process.argv.slice(2)) {
  const { size } = await stat(file);
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('console', (message) => void (message.type() === 'error' && errors.push(message.text())));
  page.on('pageerror', (thrown) => void errors.push(String(thrown)));
  const started = performance.now();
  await page.goto(pathToFileURL(resolve(file)).href);
  const seconds = (performance.now() - started) / 1000;
  await page.evaluate(axe);
  const impacts = await page.evaluate(
    '(async () => (await axe.run()).violations.map(({ impact }) => impact))()',
  );
  const sections = await page.$$eval('section', (found) => found.map(({ id }) => id));
  const megabytes = (size / 1e6).toFixed(2);
  console.log(`${file}: ${megabytes} MB, opens in ${seconds.toFixed(2)} s, ${sections.length} sections`);
  console.log(`  console errors ${JSON.stringify(errors)}, accessibility ${JSON.stringify(impacts)}`);
  await page.close();
}
await browser.close();
