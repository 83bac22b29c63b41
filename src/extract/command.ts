/** The command `permafrost extract`, also installed as `extract`. */
import { join } from 'node:path';
import { usualLayers } from '../shared/backbones/depths.ts';
import { runCommand } from '../shared/cli/command.ts';
import { type Flags, givenFlags, readFlags } from '../shared/cli/flags.ts';
import type { Command } from '../shared/cli/program.ts';
import { usage } from '../shared/errors.ts';
import { byField } from '../shared/options.ts';
import { OUTPUT_OPTIONS } from '../shared/output-options.ts';
import { counted } from '../shared/plural.ts';
import type { Reporter } from '../shared/reporter.ts';
import { type DatasetOptions, openDataset } from './dataset/dataset.ts';
import type { ExtractSummary } from './extract.ts';
import {
  BACKBONE_OPTIONS,
  type BackboneOptions,
  DATASET_OPTIONS,
  EXTRACT_OPTIONS,
  type RunOptions,
} from './options.ts';
import { extractionOf, extractRequest } from './request.ts';

const OPTIONS = {
  ...DATASET_OPTIONS,
  ...BACKBONE_OPTIONS,
  ...EXTRACT_OPTIONS,
  json: OUTPUT_OPTIONS.json,
};

/** `permafrost extract`. */
export const extractCommand: Command = {
  command: 'extract',
  describe: 'Compute the features of images once, with a frozen backbone',
  options: OPTIONS,
  mainFlag: 'data',
  handler: (argv) => runCommand((signal, reporter) => run(argv, signal, reporter), argv.json === true),
};

async function run(
  argv: Flags,
  signal: AbortSignal,
  reporter: Reporter,
): Promise<ExtractSummary | { runs: ExtractSummary[] }> {
  const request = extractRequest({
    ...byField<RunOptions>(EXTRACT_OPTIONS, givenFlags(EXTRACT_OPTIONS, argv)),
    backbone: backbonesOf(argv),
  });
  const data = byField<DatasetOptions>(DATASET_OPTIONS, readFlags(DATASET_OPTIONS, argv));
  const whole = await openDataset(data);
  try {
    const extraction = await extractionOf(request, whole, { signal, reporter });
    const { name, images, classes, notes } = extraction.dataset;
    reporter.info(
      `${name}: ${counted(images.length, 'image')}, ${counted(classes.length, 'class', 'classes')}`,
    );
    for (const note of notes) reporter.warn(note);

    // Loaded once flags and data are known to be right: sharp and apache-arrow take most of the time to start.
    const { extract } = await import('./extract.ts');
    const runs = await extract(extraction, { signal, reporter });
    for (const summary of runs) {
      reporter.info(
        `${summary.out}: ${summary.computed} computed, ${summary.reused} reused, ${summary.failed} failed, ${summary.seconds} s, ${(summary.bytes / 1e6).toFixed(1)} MB`,
      );
      if (summary.failed > 0)
        reporter.warn(
          `${counted(summary.failed, 'image')} could not be read: see ${join(summary.out, 'errors.jsonl')}`,
        );
    }
    return runs.length === 1 ? runs[0] : { runs };
  } finally {
    await whole.source.close();
  }
}

/** The requested backbones, which share what the other flags say. */
function backbonesOf(argv: Flags): BackboneOptions[] {
  const { backbone, layer: _, pooling, ...flags } = readFlags(BACKBONE_OPTIONS, argv);
  if (new Set(pooling).size < pooling.length)
    throw usage('each pooling once', '--pooling', pooling.join(','));
  const given = givenFlags(BACKBONE_OPTIONS, argv);
  const shared = byField<Partial<BackboneOptions>>(BACKBONE_OPTIONS, flags);
  return Array.from(new Set(backbone), (name) => ({
    ...shared,
    name,
    poolings: given.pooling,
    layers: given.layer ?? (given.pooling && usualLayers(name)),
  }));
}
