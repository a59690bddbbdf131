/** What `baton/langgraph` gives: graphs of LangGraph as agents, and their checkpoints in Baton's journal. */
export {
  langgraphJournal,
  type LanggraphJournal,
  type LanggraphJournalOptions,
} from "./bridges/langgraph/journal.ts";
