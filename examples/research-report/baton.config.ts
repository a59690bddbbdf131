/** What the `baton` command loads in this folder: the three ways, over one store. */
import { defineConfig } from "baton";
import { placeOf, waysAt } from "./ways.ts";

const place = placeOf(process.env);

export default defineConfig({ workflows: Object.values(waysAt(place)), store: place.store });
