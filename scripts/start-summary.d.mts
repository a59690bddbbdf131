export interface StartFigures {
  readonly summary: {
    readonly runs: number;
    readonly found: number;
    readonly conflicts: number;
    readonly tookMs: number;
    readonly statuses: Readonly<Record<string, number>>;
    readonly outputs?: Readonly<Record<string, number>>;
  };
  readonly results: readonly Readonly<Record<string, unknown>>[];
  readonly lines: number;
  readonly report: {
    readonly runs: number;
    readonly entries: number;
    readonly commits: number;
    readonly problems: readonly { readonly message: string }[];
  };
}

/** The end of `npm start`, as text. */
export function conclusion(figures: StartFigures): string;
