/** Features from wrongly preprocessed pixels, or that carry no information about the labels. */
import type { FeatureFacts } from '../analysis/feature-facts.ts';
import { type ExpectedFeatures, expectedFeatures } from './expected-features.ts';
import { digits, type Finding, type Rule } from './finding.ts';

const OTHER_PIXELS =
  'extract the features again with permafrost, whose backbones include the right normalisation';
const EXTRACT = 'permafrost extract --data PHOTOS --backbone NAME';

/** The store says that its pixels were prepared in another way than the backbone was trained with. */
export const preprocessingDiffers: Rule = ({ features }) =>
  first(features, (store) => {
    const expected = expectedFeatures(store);
    // Of a file, extract follows what the file says and has noted it.
    if (!expected || store.isFromFile || expected.preprocessing === store.preprocessing) return undefined;
    return {
      severity: 'problem',
      title: `Pixels were normalised differently from those that ${store.backbone} was trained with`,
      evidence: `the feature store says "${store.preprocessing}"; ${store.backbone} expects "${expected.preprocessing}"`,
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
    const expected = expectedFeatures(store)?.statistics;
    const usual = expected ? ` (ordinary photos: ${digits(expected.meanCosine)})` : '';
    return {
      severity: 'problem',
      title: 'All images look alike to the backbone: pixels were probably rescaled twice',
      evidence: `the mean cosine similarity between features of different images is ${meanCosine.toFixed(3)}${usual}, as when pixels are divided by 255 before a backbone that rescales them itself`,
      remedy: `give the backbone pixels from 0 to 255; ${OTHER_PIXELS}`,
      flag: EXTRACT,
    };
  });

/** How far, as a factor, a mean or spread may be from the expected one: photos differ by less than 1.3. */
const FAR = 2;

/** Features outside of what the backbone can give, or far from what it gives for photos. */
export const featuresUnlikeBackbone: Rule = ({ features }) =>
  first(features, (store) => {
    const expected = expectedFeatures(store);
    const unlike = expected && (outOfRange(store, expected) ?? farFromExpected(store, expected));
    if (!unlike) return undefined;
    return {
      severity: 'problem',
      title: `The features are unusual for ${store.backbone}`,
      evidence: unlike,
      remedy: `pixels were probably normalised wrongly, or features were scaled afterwards; ${OTHER_PIXELS}`,
      flag: EXTRACT,
    };
  });

/** Rounding of half-precision stores. */
const ROUNDING = 1e-2;

function outOfRange(
  { minimum, maximum, backbone }: FeatureFacts,
  { range }: ExpectedFeatures,
): string | undefined {
  const [low, high] = range;
  if (minimum < low - ROUNDING)
    return `the minimum is ${digits(minimum)}, but the last activation of ${backbone} is at least ${low}`;
  if (maximum > high + ROUNDING)
    return `the maximum is ${digits(maximum)}, but the last activation of ${backbone} is at most ${high}`;
  return undefined;
}

function farFromExpected(
  { mean, deviation, trained }: FeatureFacts,
  { statistics }: ExpectedFeatures,
): string | undefined {
  if (!statistics || !trained) return undefined;
  const far = (value: number, usual: number) => value > usual * FAR || value < usual / FAR;
  if (!far(mean, statistics.mean) && !far(deviation, statistics.deviation)) return undefined;
  return `mean ${digits(mean)} and standard deviation ${digits(deviation)}; for ordinary photos they are ${digits(statistics.mean)} and ${digits(statistics.deviation)}`;
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
    title: 'The features carry no information about the labels',
    evidence: `on held-out images, a linear probe has an AUC of ${digits(linearAuc)} and nearest neighbours ${digits(neighbourAuc)}; chance is 0.5`,
    remedy: seeded
      ? 'the backbone has random weights: extract with --weights imagenet'
      : 'check that the labels match the images; if they do, the images are too different from those the backbone was trained on: try another layer, another backbone, or fine-tuning',
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
