/** The folders in which the activations of one cut are. */
import { join } from 'node:path';
import type { Augmentation } from '../../shared/augment/augmentation.ts';
import type { CutBackbone } from '../../shared/backbones/cut/load.ts';
import { type FrontRequest, PRECISION } from '../../shared/backbones/thread/protocol.ts';
import { DEFAULT_RESIZE, formatResize, resolveResize } from '../../shared/images/resize.ts';
import type { Reporter } from '../../shared/reporter.ts';
import { type ActivationFolder, openActivationFolder } from '../../shared/store/activations/folder.ts';
import type { ActivationDtype, ActivationLayout } from '../../shared/store/activations/request.ts';
import { type ActivationOrigin, activationFolder, layoutOf } from '../../shared/store/activations/schema.ts';
import { MATHS_VERSION } from '../../shared/store/pipeline.ts';
import { packageVersion } from '../../shared/version.ts';
import type { WantedContent } from './plan.ts';

/** Which activations, and where they are. */
export interface FolderRequest {
  /** The front to run, as startBackbone takes it; its poolings are the head's columns. */
  network: FrontRequest;
  /** The same network, cut at the same layer. */
  cut: Pick<CutBackbone, 'cut' | 'frontColumns' | 'size' | 'weightsHash' | 'preprocessing'>;
  /** How views are made; undefined: there are none. */
  augment: Augmentation | undefined;
  /** Where the folders of activations are: each cut, dtype and way of making views has its own. */
  folder: string;
  dtype: ActivationDtype;
}

/** One folder has the images themselves, another one their views, so that other views leave the images as they are. */
export interface CacheFolders {
  layout: ActivationLayout;
  all: readonly ActivationFolder[];
  of(view: number): ActivationFolder;
}

/** Opens them, and says what is wrong with what they hold. @throws as openActivationFolder does; nothing is left open then */
export async function openFolders(
  { network, cut, augment, folder, dtype }: FolderRequest,
  contents: readonly WantedContent[],
  reporter: Reporter,
): Promise<CacheFolders> {
  const { layer, shape, isHalved } = cut.cut;
  const { name: backbone, weights, resize = {} } = network;
  const pipeline = {
    backbone,
    weights,
    weightsHash: cut.weightsHash,
    size: cut.size,
    preprocessing: cut.preprocessing,
    resize: formatResize(resolveResize(resize, DEFAULT_RESIZE)),
    precision: PRECISION,
    maths: MATHS_VERSION,
    version: packageVersion(),
    cut: { layer, shape, isHalved },
    dtype,
    augment: null,
  };
  const origin: ActivationOrigin = { pipeline, columns: cut.frontColumns };
  const origins = [origin];
  if (augment && contents.some(({ views }) => views.length > 1))
    origins.push({ ...origin, pipeline: { ...pipeline, augment: augment.kind } });
  const all: ActivationFolder[] = [];
  try {
    for (const one of origins) {
      const opened = await openActivationFolder(join(folder, activationFolder(one)), one);
      all.push(opened);
      if (opened.afterCrash)
        reporter.warn(`${opened.dir}: the last run on it was killed; what it committed is kept`);
      for (const message of opened.damage) reporter.warn(message);
    }
  } catch (thrown) {
    await Promise.all(all.map((opened) => opened.close()));
    throw thrown;
  }
  return { layout: layoutOf(origin), all, of: (view) => all[view === 0 ? 0 : 1] };
}
