/** Names of a graph's outputs with a batch's statistics at the batch-norms that normalise with them. */

export const meanOf = (layer: string): string => `mean:${layer}`;
export const varianceOf = (layer: string): string => `variance:${layer}`;
