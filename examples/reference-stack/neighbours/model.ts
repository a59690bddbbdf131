/** A provider of models, as far as the letter needs one: chat completions that fill in a form. With BATON_MODEL_URL a real one is asked. */
import { Hono } from "hono";
import { z } from "zod";

const askedSchema = z.object({
  messages: z.array(z.object({ role: z.string(), content: z.unknown() })),
});

export const MODEL = "letter-writer-1";

export function modelProvider(): Hono {
  const app = new Hono();
  app.post("/v1/chat/completions", async (context) => {
    const { messages } = askedSchema.parse(await context.req.json());
    const question = JSON.stringify(messages.at(-1)?.content ?? "");
    const letter = { subject: "Your application", body: bodyFor(question) };
    const text = JSON.stringify(letter);
    return context.json({
      id: "chatcmpl-1",
      object: "chat.completion",
      created: 0,
      model: MODEL,
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: text } }],
      usage: usageOf(question, text),
    });
  });
  return app;
}

function bodyFor(question: string): string {
  return question.includes("declined")
    ? "We are sorry that we cannot offer you this loan. The reasons are listed below."
    : "We are glad to offer you this loan on the terms below.";
}

/** Four characters a token, as a rule of thumb has it. */
function usageOf(question: string, answer: string) {
  const [asked, given] = [question, answer].map((text) => Math.ceil(text.length / 4));
  return {
    prompt_tokens: asked,
    completion_tokens: given,
    total_tokens: (asked ?? 0) + (given ?? 0),
  };
}
