/** A headless Chromium for tests of pages, where the machine has one. */
import { existsSync } from 'node:fs';
import puppeteer, { type Browser } from 'puppeteer-core';

/** Debian's place, and those of the other names it goes by. */
const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

export const CHROMIUM = PLACES.find((path) => path !== undefined && existsSync(path));

if (!CHROMIUM) console.warn('No Chromium found (CHROMIUM=PATH names one): pages are not tested in a browser');

/** Without a sandbox, since containers do not allow one; the pages are our own. */
export function openBrowser(): Promise<Browser> {
  if (!CHROMIUM) throw new Error('No Chromium');
  return puppeteer.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
}
