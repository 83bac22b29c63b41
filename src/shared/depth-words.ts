/** Words for layers, which `extract --layer` and `train-head --pooling` share. */

/** The last feature map alone. */
export const LAST = 'last';
/** The last feature map and those of the backbone's table of depths. */
export const DEPTHS = 'depths';
