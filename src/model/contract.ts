/** The part of a contract that does not depend on its type. */
export interface AnyContract {
  readonly name: string;
  readonly version: string;
  /** `name@version` */
  readonly id: string;
}
export interface Contract<in out X> extends AnyContract {
  readonly phantom?: (x: X) => X;
}
