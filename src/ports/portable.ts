/** How another thread of this process makes the same thing for itself: neither functions nor open files cross, an address and data do. */
export interface Portable {
  /** The URL of a module that exports `inThread`, which makes it of `options`. */
  readonly module: string;
  /** Whatever can be cloned. */
  readonly options: unknown;
}
