/** A grant that is revoked stops the next call, with an error that says so; then it is given back. */
import { drift, catalogueItems } from "baton";
import type { ApplicationValue } from "./applications.ts";
import type { Check } from "./checks.ts";
import type { Stack } from "./stack.ts";

export async function revokedGrantStops(
  { baton, loan }: Stack,
  application: ApplicationValue,
  { owner, principal }: { readonly owner: string; readonly principal: string },
): Promise<Check> {
  const grant = { principal, privilege: "EXECUTE" } as const;
  await baton.registry.revoke("agent", "letter", grant, owner);
  const run = await baton.start(loan, application, { id: `${application.id}-revoked` });
  const outcome = await run.outcome();
  await baton.registry.grant("agent", "letter", grant, owner);
  const said = "error" in outcome ? outcome.error : undefined;
  return {
    what: "a revoked grant",
    ok: said?.code === "NOT_GRANTED",
    found: said?.message ?? `the run ended as ${outcome.kind}`,
  };
}

export async function registryAgrees({ baton }: Stack): Promise<Check> {
  const counts: Record<string, number> = {};
  for await (const { kind } of baton.registry.list()) counts[kind] = (counts[kind] ?? 0) + 1;
  const drifts = await drift(baton.registry, catalogueItems({ workflows: baton.workflows }));
  return {
    what: `the registry`,
    ok: drifts.length === 0,
    found: `${Object.entries(counts)
      .map(([kind, count]) => `${count} ${kind}s`)
      .join(", ")} in ${baton.registry.place}; drift: ${drifts.length}`,
  };
}
