/** Where messages and progress go: to the terminal under a command, wherever its caller likes in a program. */

/** Receives a command's messages and progress; library callers pass their own or {@link silent}. */
export interface Reporter {
  /** One line of text. */
  info(message: string): void;
  /** One line of text about something the user should act on. */
  warn(message: string): void;
  /** Starts a progress display of `total` units (images, head-epochs). */
  progress(label: string, unit: string, total: number): Progress;
  /** The terminal that messages go to, for displays of more than one line; absent when nobody watches one. */
  terminal?: NodeJS.WriteStream;
}

/** A running progress display. */
export interface Progress {
  /** Adds `count` finished units. */
  advance(count: number): void;
  /** Ends the display, leaving its last state behind. */
  stop(): void;
}

/** Says nothing. */
export const silent: Reporter = {
  info: () => {},
  warn: () => {},
  progress: () => ({ advance: () => {}, stop: () => {} }),
};

/** Seconds as people read them: `8s`, `3m 20s`, `2h 5m`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
}
