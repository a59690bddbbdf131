/** The version of the engine, as journals record it. A test holds it to package.json. */
export const ENGINE_VERSION = "0.1.0";
