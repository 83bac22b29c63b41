/** Features that came from wrongly prepared pixels, or that tell nothing of the labels. */
import type { FeatureFacts } from '../analysis/feature-facts.ts';
import { digits, type Finding, type Rule } from './finding.ts';
import { expectedFeatures, type KnownFeatures } from './known-features.ts';

const OTHER_PIXELS =
  'extract the features again with permafrost, which puts the right normalisation into the backbone itself';
const EXTRACT = 'permafrost extract --data PHOTOS --backbone NAME';

/** The store says that its pixels were prepared in another way than the backbone was trained with. */
export const preprocessingDiffers: Rule = ({ features }) =>
  first(features, (store) => {
    const known = expectedFeatures(store);
    // Of a file, extract follows what the file says and has noted it.
    if (!known || store.isFromFile || known.preprocessing === store.preprocessing) return undefined;
    return {
      severity: 'problem',
      title: `Pixels were normalised in another way than ${store.backbone} was trained with`,
      evidence: `the feature store says "${store.preprocessing}"; ${store.backbone} expects "${known.preprocessing}"`,
      remedy: OTHER_PIXELS,
      flag: EXTRACT,
    };
  });

/** Mean cosine between features of different images above which they are all alike: ordinary photos have 0.3 to 0.9. */
const ALIKE = 0.98;

/** Every image gives nearly the same features, as when pixels were divided by 255 twice. */
export const imagesLookAlike: Rule = ({ features }) =>
  first(features, (store) => {
    const { trained, meanCosine } = store;
    if (!trained || meanCosine < ALIKE) return undefined;
    const known = expectedFeatures(store)?.statistics;
    const usual = known ? ` (ordinary photos: ${digits(known.meanCosine)})` : '';
    return {
      severity: 'problem',
      title: 'All images look alike to the backbone: pixels were probably rescaled twice',
      evidence: `the mean cosine between features of different images is ${meanCosine.toFixed(3)}${usual}, as with pixels divided by 255 before a backbone that rescales them itself`,
      remedy: `give the backbone pixels from 0 to 255; ${OTHER_PIXELS}`,
      flag: EXTRACT,
    };
  });

/** How far, as a factor, a mean or spread may be from the known one: photos differ by less than 1.3. */
const FAR = 2;

/** Features outside of what the backbone can give, or far from what it gives for photos. */
export const featuresUnlikeBackbone: Rule = ({ features }) =>
  first(features, (store) => {
    const known = expectedFeatures(store);
    const unlike = known && (outOfRange(store, known) ?? farFromKnown(store, known));
    if (!unlike) return undefined;
    return {
      severity: 'problem',
      title: `These are not the features that ${store.backbone} gives for ordinary photos`,
      evidence: unlike,
      remedy: `the pixels were normalised wrongly, or the features scaled afterwards; ${OTHER_PIXELS}`,
      flag: EXTRACT,
    };
  });

/** Rounding of half-precision stores. */
const ROUNDING = 1e-2;

function outOfRange(
  { minimum, maximum, backbone }: FeatureFacts,
  { range }: KnownFeatures,
): string | undefined {
  const [low, high] = range;
  if (minimum < low - ROUNDING)
    return `the least is ${digits(minimum)}, but ${backbone} ends in an activation of at least ${low}`;
  if (maximum > high + ROUNDING)
    return `the greatest is ${digits(maximum)}, but ${backbone} ends in an activation of at most ${high}`;
  return undefined;
}

function farFromKnown(
  { mean, deviation, trained }: FeatureFacts,
  { statistics }: KnownFeatures,
): string | undefined {
  if (!statistics || !trained) return undefined;
  const far = (value: number, usual: number) => value > usual * FAR || value < usual / FAR;
  if (!far(mean, statistics.mean) && !far(deviation, statistics.deviation)) return undefined;
  return `mean ${digits(mean)} and standard deviation ${digits(deviation)}, where photos give ${digits(statistics.mean)} and ${digits(statistics.deviation)}`;
}

/** Standard errors above one half within which an AUC is chance, and the AUC beyond which it is not, however few the images. */
const CHANCE_ERRORS = 2.5;
const CLEARLY_MORE = 0.65;

/** Neither the images most like one nor a linear probe tell its class. */
export const nothingSeparated: Rule = ({
  separability: { linearAuc, neighbourAuc, chanceError },
  features,
}) => {
  if (linearAuc === null || neighbourAuc === null) return undefined;
  const chance = Math.min(CLEARLY_MORE, 0.5 + CHANCE_ERRORS * chanceError);
  if (linearAuc > chance || neighbourAuc > chance) return undefined;
  const seeded = features.some(({ trained }) => !trained);
  return {
    severity: 'problem',
    title: 'The features hold nothing of these labels',
    evidence: `answers for images left out have an AUC of ${digits(linearAuc)} from a linear probe and ${digits(neighbourAuc)} from the nearest neighbours, where guessing has 0.5`,
    remedy: seeded
      ? 'the backbone has no trained weights: extract with --weights imagenet'
      : 'check that labels and images belong together; if they do, the domain is far from what the backbone has seen: try another layer, another backbone, or fine-tuning',
    flag: seeded
      ? 'permafrost extract --weights imagenet'
      : 'permafrost extract --layer NAME (permafrost backbones NAME lists them) or --backbone NAME',
  };
};

function first(
  features: readonly FeatureFacts[],
  look: (store: FeatureFacts) => Omit<Finding, 'id'> | undefined,
): Omit<Finding, 'id'> | undefined {
  for (const store of features) {
    const found = look(store);
    if (found) return found;
  }
  return undefined;
}
