/**
 * Asynchronous context: what AsyncLocalStorage hands from a caller to whatever it sets off. Agents of different runs begin in the
 * same turn of the event loop, or when another run's agent gives its place back; without this one would inherit what another,
 * or whoever started a run, has entered there: a tenant's id, say. Each call begins in the context in which Baton was
 * opened, and what it enters is its own.
 */
import { AsyncResource } from "node:async_hooks";

/** Calls `act` in a context of its own. */
export type InOwnContext = <X>(act: () => X) => X;

// Nobody listens for the end of these, and telling of it would cost more than the rest.
const QUIET = { requireManualDestroy: true };

export function ownContext(): InOwnContext {
  const opened = new AsyncResource("BatonEngine", QUIET);
  // What is entered is kept in the resource itself: with one for all, each would find what the one before has left.
  const fresh = () => new AsyncResource("BatonCall", QUIET);
  return (act) => opened.runInAsyncScope(fresh).runInAsyncScope(act);
}
