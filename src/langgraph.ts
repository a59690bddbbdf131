/** What `baton/langgraph` gives: graphs of LangGraph as agents, and their checkpoints in Baton's journal. */
export type {
  Graph,
  GraphInput,
  GraphValues,
  StreamMode,
} from "./bridges/langgraph/graph.ts";
export {
  type GraphRunOptions,
  langgraphAgent,
  type LanggraphAgentOptions,
} from "./bridges/langgraph/graph-agent.ts";
export {
  type AskOptions,
  langgraphWorkflow,
  type LanggraphWorkflowOptions,
} from "./bridges/langgraph/graph-workflow.ts";
export {
  langgraphJournal,
  type LanggraphJournal,
  type LanggraphJournalOptions,
} from "./bridges/langgraph/journal.ts";
