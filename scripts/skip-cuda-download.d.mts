/** See skip-cuda-download.mjs. */
export declare function standIn(folder: string, machine: string): void;
