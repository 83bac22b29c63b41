/** Words for layers and poolings, which `extract` and `train-head --pooling` share. */

/** The last feature map alone. */
export const LAST = 'last';
/** The last feature map and those of the backbone's table of depths. */
export const DEPTHS = 'depths';

/** Poolings of feature maps. */
export const MAP_POOLING_NAMES = ['avg', 'max', 'gem', 'flatten'] as const;
/** Those of vision transformers: class token, mean of the patches, both, and what the network itself pools. */
const TOKEN_POOLING_NAMES = ['cls', 'mean', 'cls+mean', 'pooler'] as const;
export const POOLING_NAMES = [...MAP_POOLING_NAMES, ...TOKEN_POOLING_NAMES] as const;
