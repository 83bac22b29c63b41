import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawLeaves } from '../../../scripts/leaves.ts';
import { CHROMIUM, openBrowser } from '../../support/browser.ts';
import { permafrost } from '../../support/command.ts';
import { newFolder } from '../../support/folders.ts';
import { clusters, syntheticStore } from '../../support/synthetic-store.ts';

/** Names that would be markup if a page took them for it. */
const EVIL = ['<script>alert(1)</script>', '"><img src=x onerror=alert(2)>', '</script><!-- <b>'];

interface Run {
  report: string;
  stderr: string;
}

async function train(features: string, ...args: string[]): Promise<Run> {
  const out = join(newFolder(), 'run');
  const { status, stderr } = await permafrost([
    'train-head',
    '--features',
    features,
    '--out',
    out,
    '--epochs',
    '12',
    '--lr',
    '0.01',
    ...args,
  ]);
  expect(status, stderr).toBe(0);
  return { report: join(out, 'report.html'), stderr };
}

/** Multi-label, with photos. */
let leaves: Run;
/** Multiclass, with names that mean harm and without photos. */
let evil: Run;

beforeAll(async () => {
  const folder = newFolder();
  const labels = await drawLeaves(join(folder, 'leaves'), { count: 60, seed: 2 });
  const features = join(folder, 'features');
  await permafrost(['extract', '--data', labels, '--out', features, '--size', '96x96']);
  leaves = await train(features, '--grid', 'hidden=none,16;lr=1e-2,1e-3');
  evil = await train(await syntheticStore(clusters(EVIL, 30)), '--grid', 'hidden=none,8;l2=0,1e-4');
});

describe('report.html', () => {
  it('is one file of modest size that names no address', async () => {
    const html = await readFile(leaves.report, 'utf8');
    expect((await stat(leaves.report)).size).toBeLessThan(2_000_000);
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/<(?:link|script)[^>]+(?:src|href)=/);
  });

  it('has no text of the data as markup', async () => {
    const html = await readFile(evil.report, 'utf8');
    const [, embedded] = html.split('<script id="data" type="application/json">');
    const json = embedded.slice(0, embedded.indexOf('</script>'));
    expect(JSON.parse(json).classes).toEqual([...EVIL].sort());
    for (const name of EVIL) expect(html).not.toContain(name);
  });

  it('says which photos it cannot show', () => {
    expect(evil.stderr).toContain('photos are not in the report: the folder of the photos is unknown');
    expect(leaves.stderr).not.toContain('photos are not in the report');
  });
});

describe.skipIf(!CHROMIUM)('report.html in a browser', () => {
  let browser: Browser;
  const faults: string[] = [];

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  async function open({ report }: Run, { width = 1200, scheme = 'light' } = {}): Promise<Page> {
    const page = await browser.newPage();
    faults.length = 0;
    page.on('console', (message) => void (message.type() === 'error' && faults.push(message.text())));
    page.on('pageerror', (thrown) => void faults.push(String(thrown)));
    page.on('dialog', (dialog) => {
      faults.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) faults.push(`a request: ${request.url()}`);
    });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.setViewport({ width, height: 900 });
    await page.goto(pathToFileURL(report).href);
    return page;
  }

  const texts = (page: Page, selector: string) =>
    page.$$eval(selector, (found) => found.map((element) => element.textContent ?? ''));

  const ids = (page: Page) => page.$$eval('section', (found) => found.map(({ id }) => id));

  it('shows every section of a multi-label run', async () => {
    const page = await open(leaves);
    expect(await ids(page)).toEqual([
      'summary',
      'diagnosis',
      'leaderboard',
      'options',
      'learning',
      'confusion',
      'classes',
      'ranking',
      'labels',
      'map',
      'wrong',
      'label-issues',
      'duplicates',
    ]);
    expect((await page.$$('figure svg')).length).toBeGreaterThan(8);
    expect((await page.$$('.card img')).length).toBeGreaterThan(0);
    expect(faults).toEqual([]);
  });

  it('shows names that look like markup as they are', async () => {
    const page = await open(evil);
    expect(await ids(page)).not.toContain('labels');
    expect((await texts(page, '.confusion tbody th')).sort()).toEqual([...EVIL].sort());
    expect(await page.$$('main script, main img[src=x]')).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('sorts and filters the leaderboard, by mouse and by keyboard', async () => {
    const page = await open(leaves);
    const heads = () => texts(page, '#leaderboard tbody td:nth-child(2)');
    const ranked = await heads();
    await page.click('#leaderboard th:nth-child(1) button');
    expect(await heads()).toEqual([...ranked].reverse());
    expect(await page.$eval('#leaderboard th', (head) => head.getAttribute('aria-sort'))).toBe('descending');
    await page.focus('#leaderboard th:nth-child(2) button');
    await page.keyboard.press('Enter');
    expect(await heads()).toEqual([...ranked].sort());
    await page.type('#filter', 'hidden=16');
    expect(await heads()).toHaveLength(2);
    expect(faults).toEqual([]);
  });

  it('shows the photos behind a number of the confusion matrix', async () => {
    const page = await open(leaves);
    const [cell] = await page.$$('.confusion button.right:not(:disabled)');
    const count = Number(await cell.evaluate((button) => button.textContent));
    await cell.click();
    expect(await page.$eval('.behind h3', (title) => title.textContent)).toContain(
      `true positives: ${count} image`,
    );
    expect(await page.$$('.behind .card img')).toHaveLength(Math.min(count, 24));
  });

  it('shows the photo of a dot on the map', async () => {
    const page = await open(leaves);
    const dot = await page.$('#map svg circle');
    await dot?.scrollIntoView();
    await dot?.hover();
    await page.waitForSelector('.hovered .card img');
    expect(faults).toEqual([]);
  });

  it.each([
    ['leaves in light', () => leaves, 'light'],
    ['leaves in dark', () => leaves, 'dark'],
    ['evil names in light', () => evil, 'light'],
  ] as const)('has no serious fault of accessibility: %s', async (_, run, scheme) => {
    const page = await open(run(), { scheme });
    await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core'), 'utf8'));
    const violations = (await page.evaluate(
      '(async () => (await axe.run()).violations.map(({ id, impact, nodes }) => ({ id, impact, html: nodes[0].html })))()',
    )) as { impact: string }[];
    expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
  });

  it('fits a phone', async () => {
    const page = await open(leaves, { width: 375 });
    const overflow = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    expect(overflow).toBe(0);
  });
});
