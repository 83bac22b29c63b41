/** The images of a report: each listed once, with a thumbnail for as many as there is room for. */

import { hashOf } from '../dataset/content-hashes.ts';
import { argmax, predictedLabels } from '../head/predicted-labels.ts';
import type { Training } from '../results/training.ts';
import type { ReportImage } from './data.ts';
import { MAX_THUMBNAILS, makeThumbnails, type Thumbnails } from './photos.ts';

/** Gathers images while a report is put together; those added first get thumbnails first. */
export interface Gallery {
  /** The image's index in the report. */
  add(row: number): number;
  /** All images that were added, with their thumbnails. */
  finish(folder: string | undefined): Promise<{ images: ReportImage[]; thumbnails: Thumbnails }>;
}

type Shown = Pick<Training, 'table' | 'splits' | 'classes' | 'probabilities' | 'task' | 'calibration'>;

export function createGallery({ table, splits, classes, probabilities, task, calibration }: Shown): Gallery {
  const rows: number[] = [];
  const indices = new Map<number, number>();
  const width = classes.length;
  const image = (row: number): Omit<ReportImage, 'thumbnail'> => {
    const own = probabilities.subarray(row * width, (row + 1) * width);
    const { thresholds } = calibration;
    const isPredicted = predictedLabels({ probabilities: own, rows: 1, classes: width, task, thresholds });
    return {
      path: table.paths[row],
      labels: table.labels[row],
      split: splits[row] ?? 'none',
      predicted: classes.filter((_, label) => isPredicted[label] === 1),
      confidence: Number(own[argmax(own, 0, width)].toFixed(4)),
    };
  };
  return {
    add(row) {
      const existing = indices.get(row);
      if (existing !== undefined) return existing;
      indices.set(row, rows.length);
      rows.push(row);
      return rows.length - 1;
    },
    async finish(folder) {
      const photos = rows
        .slice(0, MAX_THUMBNAILS)
        .map((row) => ({ path: table.paths[row], sha256: hashOf(table.hashes, row) }));
      const thumbnails = await makeThumbnails(photos, folder);
      const images = rows.map((row) => {
        const listed = image(row);
        return { ...listed, thumbnail: thumbnails.uris.get(listed.path) ?? null };
      });
      return { images, thumbnails };
    },
  };
}
