/** Whether a run may still use cached activations. */
import { basename, dirname } from 'node:path';
import {
  ACTIVATIONS_FOLDER,
  type ActivationManifest,
  activationFolder,
} from '../shared/store/activations/schema.ts';
import { differingFields, imageFields, MATHS_VERSION } from '../shared/store/pipeline.ts';
import { openStore } from '../shared/store/reader.ts';

/** Why no run uses the activations in a folder any more, in words; undefined where one may. */
export async function whyUnused(dir: string, manifest: ActivationManifest): Promise<string | undefined> {
  const { maths } = manifest.pipeline;
  if (maths !== MATHS_VERSION) return `computed by version ${maths} of the arithmetic, now ${MATHS_VERSION}`;
  if (basename(dir) !== activationFolder(manifest)) return 'its folder has another name than its pipeline';
  const parent = dirname(dir);
  if (basename(parent) !== ACTIVATIONS_FOLDER) return undefined;
  const store = await openStore(dirname(parent)).catch(() => undefined);
  if (!store) return undefined;
  const [difference] = differingFields(imageFields(manifest.pipeline), imageFields(store.manifest.pipeline));
  return difference === undefined ? undefined : `its store has another ${difference}`;
}
