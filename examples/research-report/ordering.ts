/** A workflow that orders a report from those who subscribe, and awaits it: the third side of the choreography, from outside of it. */
import { workflow } from "baton";
import { Asked, Written } from "./choreography.ts";
import { Question } from "./contracts.ts";

export const ordering = workflow("ordering", "1.0.0", { input: Question })
  .emit("asked", Asked, { data: ({ input }) => input })
  .awaitEvent("written", Written, { needs: ["asked"], timeout: "7d" })
  .output(({ written }) => written);
