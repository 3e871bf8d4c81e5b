/** UpdateContainer: stop and remove the old one, then start the new, with no look at its health. */
import * as Either from "effect/Either"

import { format } from "../../../src/model/image.ts"
import type {
  StartContainerRequest,
  UpdateContainerRequest,
  UpdateContainerResponse
} from "../../../src/npu/messages.ts"
import { beginStop, create, takenPort } from "./containers.ts"
import type { Container, Core, Image } from "./core.ts"
import { find } from "./images.ts"
import { drop, run } from "./lifecycle.ts"
import { type Answer, Later, refuse, type Reply } from "./reply.ts"

/** Whether the old container came back is told in the error's text alone. */
export const update = (core: Core, request: UpdateContainerRequest): Reply<UpdateContainerResponse> => {
  const ref = { repository: request.imageName, tag: request.imageTag === "" ? "latest" : request.imageTag }
  const old = core.containers.get(request.instanceName)
  if (old === undefined) return refuse("NOT_FOUND", `container ${request.instanceName} not found`)
  if (old.updating) return refuse("UNAVAILABLE", `${old.name}: an update is in progress`)
  if (old.state !== "running") return refuse("FAILED_PRECONDITION", `container ${old.name} is not running`)
  const image = find(core, ref)
  if (image === undefined) return refuse("NOT_FOUND", `image ${format(ref)} not found`)
  const params: StartContainerRequest = {
    ...(request.params ?? old.request),
    imageName: ref.repository,
    tag: ref.tag,
    instanceName: old.name
  }
  old.updating = true
  const reply = new Later<UpdateContainerResponse>()
  const boots = core.boots
  beginStop(core, old, false).onSettled(() => {
    old.updating = false
    reply.settle(
      core.boots === boots ? replace(core, old, params, image) : refuse("UNAVAILABLE", "the server is shutting down")
    )
  })
  return request.async === true
    ? Either.right({ updateOk: { instanceName: old.name, isAsync: true } })
    : reply
}

const replace = (
  core: Core,
  old: Container,
  params: StartContainerRequest,
  image: Image
): Answer<UpdateContainerResponse> => {
  // A fault may have taken the container, or another one its place, while it stopped.
  const present = core.containers.get(old.name)
  if (present !== undefined && present !== old) {
    return refuse("INTERNAL", `update of ${old.name}: another container took the name; not restored`)
  }
  if (present !== undefined) drop(core, old)
  const taken = takenPort(core, params)
  if (taken !== undefined) return restore(core, old, `port used: ${taken}`)
  if (!core.images.has(image.id)) return restore(core, old, `image ${format(old.image)} is gone`)
  const container = create(core, params, image)
  if (image.behaviour.badCommand) {
    drop(core, container)
    return restore(core, old, "exec: no such file or directory")
  }
  run(core, container)
  return Either.right({ updateOk: { instanceName: container.name, isAsync: false } })
}

const restore = (core: Core, old: Container, why: string): Answer<UpdateContainerResponse> => {
  const image = core.images.get(old.imageId)
  if (image === undefined) {
    return refuse("INTERNAL", `update of ${old.name} failed: ${why}; not restored: its image is gone`)
  }
  run(core, create(core, old.request, image))
  return refuse("INTERNAL", `update of ${old.name} failed: ${why}; restored`)
}
