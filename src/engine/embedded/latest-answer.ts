/** Questions that are put again and again: those of one moment share an answer. */

/**
 * Asks, at most one of a kind at a time. Nobody is given an answer to a question that was put before theirs: who comes while one is
 * under way shares the next.
 */
export function latestAnswer<X>(): (key: string, ask: () => Promise<X>) => Promise<X> {
  const underWay = new Map<
    string,
    { readonly current: Promise<X>; next: Promise<X> | undefined }
  >();
  const begin = (key: string, ask: () => Promise<X>): Promise<X> => {
    const question = { current: ask(), next: undefined };
    underWay.set(key, question);
    const over = () => {
      if (underWay.get(key) === question) underWay.delete(key);
    };
    question.current.then(over, over);
    return question.current;
  };
  return (key, ask) => {
    const question = underWay.get(key);
    if (question === undefined) return begin(key, ask);
    const again = () => begin(key, ask);
    question.next ??= question.current.then(again, again);
    return question.next;
  };
}
