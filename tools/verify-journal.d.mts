/** What the verifier finds in the text of an exported journal. It throws where the text is in no form that it knows. */
export declare function verifyText(text: string): {
  readonly namespace: string;
  readonly stream: string;
  readonly entries: number;
  readonly versions: number;
  readonly blobs: number;
  readonly head: string;
  readonly final: string | undefined;
  readonly problems: readonly string[];
};
