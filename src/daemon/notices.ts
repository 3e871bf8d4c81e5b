/** What layers have to tell operators: certificates that were renewed or kept out, settings of the switch that changed. */
import * as Context from "effect/Context"
import * as Stream from "effect/Stream"

import type { EventBody } from "../model/event.ts"

/** Each element becomes an event. Never fails, never ends. */
export class Notices extends Context.Reference<Notices>()("offloader/Notices", {
  defaultValue: (): Stream.Stream<EventBody> => Stream.never
}) {}
