/** What `npx baton` loads in this folder: the credit decision of `npm start`. */
import credit from "./examples/credit-decision/baton.config.ts";
import { defineConfig } from "./src/index.ts";

export default defineConfig({ ...credit, store: ".baton/credit-decision.db" });
