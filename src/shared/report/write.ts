/** report.html: one file that needs no network, made of data and a page that draws them. */
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { builtFiles } from '../built-files.ts';
import type { Training } from '../results/training.ts';
import { writeDurably } from '../store/files.ts';
import { readPhotoFolder } from '../store/photos.ts';
import { packageVersion } from '../version.ts';
import { collectReport } from './collect.ts';
import type { ReportData } from './data.ts';

const REPORT_FILE = 'report.html';

/** What a JSON text inside a script element must not contain: the end of the element, and the start of a comment. */
function embedded(data: ReportData): string {
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}

/** The text of report.html. */
async function reportHtml(data: ReportData): Promise<string> {
  const [program, style] = await Promise.all(
    ['main.js', 'main.css'].map((file) => readFile(builtFiles.asset(`shared/report/page/${file}`), 'utf8')),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>permafrost report</title>
<style>${style.replaceAll('</', '<\\/')}</style>
</head>
<body>
<noscript>This report draws its tables and plots with JavaScript.</noscript>
<script id="data" type="application/json">${embedded(data)}</script>
<script>${program.replaceAll('</script', '<\\/script')}</script>
</body>
</html>
`;
}

/**
 * Writes report.html into a run's folder.
 * @param images what the images' paths are relative to; default: where extract found them
 */
export async function writeReport(
  dir: string,
  training: Training,
  images: string | undefined,
): Promise<ReportData['photos']> {
  const version = packageVersion();
  const photos = images === undefined ? await readPhotoFolder(training.stores[0]) : resolve(images);
  const name = basename(resolve(dir));
  const data = await collectReport(training, { name, version, photos });
  await writeDurably(join(dir, REPORT_FILE), await reportHtml(data));
  return data.photos;
}
