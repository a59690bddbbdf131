/** What the `baton` command loads in this folder: the three ways, over one store. */
import { defineConfig } from "baton";
import { STORE, ways } from "./ways.ts";

export default defineConfig({ workflows: Object.values(ways()), store: STORE });
