/** Exit statuses of all commands. */

/** `readerGone` is what a shell reports of a program that SIGPIPE ended, 128 + 13, as of cat and grep. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130, readerGone: 141 } as const;
