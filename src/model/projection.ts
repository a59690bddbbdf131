/** What is made of the journal elsewhere, such as traces, and how far it has come. */

export interface ProjectionRecord {
  /** Everything up to this place in the order of arrival has been dealt with. */
  readonly position: number;
}

/** The stream in which a projection's place is kept. */
export function projectionStream(name: string): string {
  return `projection/${name}`;
}
