/** Words for layers and poolings, which `extract` and `train-head --pooling` share. */

/** The last feature map alone. */
export const LAST = 'last';
/** The last feature map and those of the backbone's table of depths. */
export const DEPTHS = 'depths';

/** Poolings of feature maps. */
export const MAP_POOLING_NAMES = ['avg', 'max', 'gem', 'flatten'] as const;
/** All poolings; `cls` is the class token of vision transformers. */
export const POOLING_NAMES = [...MAP_POOLING_NAMES, 'cls'] as const;
