/** What `baton/cloud-events` gives: events as CloudEvents. */
export { cloudEvent } from "./bridges/cloud-events/cloud-event.ts";
