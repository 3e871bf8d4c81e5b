/** By which version the daemon knows what it was shown. */
import type { DurableContainer } from "../../decide/durable.ts"
import type { Evidence } from "./evidence.ts"

/** As its row tells; where that has lost its image's name, as the daemon remembers this very instance. */
export const versionKnown = (
  record: DurableContainer | undefined,
  { id, version }: Evidence
): string | undefined => version ?? (record?.startedId === id ? record.startedVersion ?? undefined : undefined)
