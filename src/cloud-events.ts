/** What `baton/cloud-events` gives: events as CloudEvents. */
export { cloudEvent, type CloudEventJson } from "./bridges/cloud-events/cloud-event.ts";
