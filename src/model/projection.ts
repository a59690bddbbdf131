/** What is made of the journal elsewhere, such as traces, and how far it has come. */

/** Where a projection begins that has no place yet: with the first entry of the journal, or with the first after its own. */
export type ProjectionStart = "beginning" | "now";

export interface ProjectionRecord {
  /** Everything up to this place in the order of arrival has been dealt with. */
  readonly position: number;
  /** Only of the first: everything before this very entry is left out. */
  readonly from?: "now";
}

/** The stream in which a projection's place is kept. */
export function projectionStream(name: string): string {
  return `projection/${name}`;
}
