/** The credit bureau: somebody else's MCP server, made with the SDK alone. One inquiry for one key, which can be withdrawn. */
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import {
  creditQuestionSchema,
  type CreditReport,
  creditReportSchema,
  pullReport,
} from "../../credit-decision/bureau.ts";

export interface Bureau {
  readonly fetch: (request: Request) => Promise<Response>;
  /** Inquiries on somebody's file. */
  readonly inquiries: () => number;
}

export function bureau(): Bureau {
  const inquiries = new Set<string>();
  const handler = createMcpHandler(() => bureauServer(inquiries));
  return { fetch: (request) => handler.fetch(request), inquiries: () => inquiries.size };
}

function bureauServer(inquiries: Set<string>): McpServer {
  const server = new McpServer({ name: "bureau", version: "2026.1.0" });
  server.registerTool(
    "pull_report",
    {
      description:
        "Opens an inquiry on a person's file and gives a score. The same key opens one inquiry.",
      inputSchema: creditQuestionSchema,
      outputSchema: creditReportSchema,
      annotations: { idempotentHint: true, destructiveHint: false },
    },
    (question, { mcpReq }) => {
      const key = mcpReq._meta?.["baton/idempotency-key"];
      const report = pullReport(question, {
        key: typeof key === "string" ? key : question.nationalId,
      });
      inquiries.add(report.inquiryId);
      return answered(report);
    },
  );
  server.registerTool(
    "withdraw_inquiry",
    {
      description: "Takes an inquiry off a person's file.",
      inputSchema: z.object({ inquiryId: z.string() }),
      annotations: { idempotentHint: true },
    },
    ({ inquiryId }) => ({
      content: [{ type: "text", text: inquiries.delete(inquiryId) ? "withdrawn" : "not there" }],
    }),
  );
  return server;
}

function answered(report: CreditReport) {
  return {
    content: [{ type: "text" as const, text: JSON.stringify(report) }],
    structuredContent: { ...report, factors: [...report.factors] },
  };
}
