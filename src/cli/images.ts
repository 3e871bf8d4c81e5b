/** `offloadctl images`: what the NPU holds of the catalogue's images, for which version, used by whom. */
import * as Effect from "effect/Effect"

import { ImagesView } from "../control/upgrade-views.ts"
import { ControlClient } from "./control-client.ts"
import { ExitCode } from "./exit-code.ts"
import { type Format, print, printJson, Screen } from "./screen.ts"
import { table } from "./table.ts"
import { naturally, plain } from "./text.ts"
import { understood } from "./understood.ts"

export const images = Effect.fn("images")(function*(options: { readonly output: Format }) {
  const client = yield* ControlClient
  const view = yield* understood(ImagesView, "list of images")(client.images)
  yield* options.output === "json" ? printJson(view) : print(renderImages(view, (yield* Screen).colour))
  return ExitCode.done
})

const renderImages = (view: ImagesView, colour: boolean): string =>
  view.images.length === 0
    ? "the NPU holds no image of these services"
    : table(
      [{ title: "Image" }, { title: "ID" }, { title: "Used By" }, { title: "Here" }],
      [...view.images].sort((left, right) => naturally(left.image, right.image)).map((image) =>
        [
          image.image,
          image.id.slice(0, 12),
          image.usedBy.join(", ") || "nobody",
          image.roles.join(", ") || "N/A"
        ].map((text) => ({ text: plain(text) }))
      ),
      colour
    )
