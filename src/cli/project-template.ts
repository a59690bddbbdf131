/** The files of a new project: two agents that hand over to each other, ready to run. */

/** A file's path inside the project, and its text. */
export interface TemplateFile {
  readonly path: string;
  readonly text: string;
}

/**
 * The files of a new project.
 * @param about.name of the npm package; `about.baton` the version of Baton that it is made for.
 */
export function projectFiles(about: {
  readonly name: string;
  readonly baton: string;
}): readonly TemplateFile[] {
  return [
    { path: "package.json", text: packageJson(about) },
    { path: "tsconfig.json", text: TSCONFIG },
    { path: ".gitignore", text: "node_modules/\n.baton/\n" },
    { path: "baton.config.ts", text: CONFIG },
    { path: "contracts.ts", text: CONTRACTS },
    { path: "agents.ts", text: AGENTS },
    { path: "workflow.ts", text: WORKFLOW },
    { path: "input.json", text: INPUT },
    { path: "README.md", text: readme(about.name) },
  ];
}

function packageJson({ name, baton }: { readonly name: string; readonly baton: string }): string {
  const manifest = {
    name,
    version: "0.0.0",
    private: true,
    type: "module",
    scripts: {
      start: "baton run answer-letter input.json",
      check: "baton check",
      verify: "baton verify",
    },
    dependencies: { baton: `^${baton}`, zod: "^4.0.0" },
    // SQLite's binding is compiled where no compiled one can be had; newer versions of npm ask for leave.
    allowScripts: { "better-sqlite3": true },
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

const TSCONFIG = `{
  "compilerOptions": {
    "target": "ES2022",
    "module": "NodeNext",
    "strict": true,
    "noEmit": true,
    "skipLibCheck": true,
    "allowImportingTsExtensions": true
  }
}
`;

const CONFIG = `import { defineConfig } from "baton";
import { answerLetter } from "./workflow.ts";

export default defineConfig({
  workflows: [answerLetter],
});
`;

const CONTRACTS = `import { contract, rule } from "baton";
import { z } from "zod";

export const Letter = contract("letter", "1.0.0", z.object({ from: z.string().min(1), text: z.string().min(1) }));

export const Triage = contract(
  "triage",
  "1.0.0",
  z.object({ topic: z.enum(["invoice", "delivery", "other"]), confidence: z.number().min(0).max(1) }),
  { rules: [rule("confidence is at least 0.5", (triage) => triage.confidence >= 0.5)] },
);

export const Question = contract("question", "1.0.0", z.object({ from: z.string(), topic: z.string() }));

export const Reply = contract("reply", "1.0.0", z.object({ text: z.string().min(1) }));
`;

const AGENTS = `import { agent } from "baton";
import { Letter, Question, Reply, Triage } from "./contracts.ts";

const WORDS = { invoice: /invoice|bill|charge/i, delivery: /deliver|parcel|arrive/i };

/** Says what a letter is about. Put a call of your model here: what it answers is checked against the contract. */
export const triage = agent({
  name: "triage",
  version: "1.0.0",
  input: Letter,
  output: Triage,
  timeout: "10s",
  execute: async (letter) => {
    if (WORDS.invoice.test(letter.text)) return { topic: "invoice", confidence: 0.9 };
    if (WORDS.delivery.test(letter.text)) return { topic: "delivery", confidence: 0.9 };
    return { topic: "other", confidence: 0.6 };
  },
});

/** Writes the reply. It sees what it is handed, and nothing else. */
export const writer = agent({
  name: "writer",
  version: "1.0.0",
  input: Question,
  output: Reply,
  timeout: "10s",
  execute: async ({ from, topic }) => ({ text: \`Dear \${from}, thank you for your letter (\${topic}). We are looking into it.\` }),
});
`;

const WORKFLOW = `import { workflow } from "baton";
import { triage, writer } from "./agents.ts";
import { Letter } from "./contracts.ts";

export const answerLetter = workflow("answer-letter", "1.0.0", { input: Letter })
  .step("triage", triage, { input: ({ input }) => input })
  .step("reply", writer, {
    needs: ["input", "triage"],
    input: ({ input, triage: { topic } }) => ({ from: input.from, topic }),
  })
  .output(({ reply }) => reply);
`;

const INPUT = `{ "from": "Ada", "text": "Where is my parcel? It should have arrived on Monday." }
`;

function readme(name: string): string {
  return `# ${name}

Two agents that hand over to each other: one says what a letter is about, the other replies. Every step is a sealed version
in a journal that can be shown, compared, replayed and verified.

\`\`\`sh
npm install
npx baton run answer-letter input.json --id letter-1
npx baton show letter-1                # the steps, what each read and wrote
npx baton lineage letter-1 reply       # from the reply back to the letter
npx baton verify                       # nothing was changed since
\`\`\`

| file | what it holds |
|---|---|
| \`contracts.ts\` | what may be handed over, with rules; anything else is refused |
| \`agents.ts\` | the agents: input in, output out |
| \`workflow.ts\` | the graph: which step reads what |
| \`baton.config.ts\` | what the \`baton\` command loads |

Next: \`npx baton check\`, \`npx baton graph\`, \`npx baton --help\`.
`;
}
