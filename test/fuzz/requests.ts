/** Requests that no honest client sends. */
import { containerz } from "../../proto/definition.ts"
import type { StartContainerRequest } from "../../src/npu/messages.ts"
import type { Chance } from "../../src/simulate/chance.ts"
import { bytes, int32, spoilt, text, uint64 } from "./garbage.ts"

const some = <A>(chance: Chance, make: () => A): ReadonlyArray<A> => Array.from({ length: chance.below(4) }, make)

const start = (chance: Chance): StartContainerRequest => ({
  imageName: text(chance),
  tag: text(chance),
  cmd: text(chance),
  instanceName: text(chance),
  ports: some(chance, () => ({ internal: int32(chance) >>> 0, external: int32(chance) >>> 0 })),
  environment: Object.fromEntries(some(chance, () => [text(chance), text(chance)])),
  volumes: some(chance, () => ({ name: text(chance), mountPoint: text(chance), readOnly: chance.hits(0.5) })),
  network: text(chance),
  cap: { add: some(chance, () => text(chance)), remove: some(chance, () => text(chance)) },
  restart: { policy: chance.pick(["NONE", "ALWAYS", "ON_FAILURE", 77 as never]), attempts: int32(chance) >>> 0 },
  runAs: { user: text(chance), group: text(chance) },
  labels: Object.fromEntries(some(chance, () => [text(chance), text(chance)])),
  limits: { maxCpu: chance.pick([0, -1, NaN, Infinity]), softMemBytes: uint64(chance), hardMemBytes: "-1" }
})

const sound: Readonly<Record<string, (chance: Chance) => Buffer>> = {
  Deploy: (chance) =>
    containerz.Deploy.requestSerialize(
      chance.pick([
        { imageTransfer: { name: text(chance), tag: text(chance), imageSize: uint64(chance) } },
        { imageTransfer: { name: "a", tag: "1", imageSize: "3000" } },
        {
          imageTransfer: {
            name: "a",
            tag: "1",
            imageSize: "0",
            remoteDownload: { path: text(chance), protocol: chance.pick(["UNKNOWN", "SFTP", "SCP"]) }
          }
        },
        { content: bytes(chance, 300) },
        { content: Buffer.from([0x1f, 0x8b, ...bytes(chance, 100)]) },
        { content: Buffer.alloc(512) },
        { imageTransferEnd: {} },
        {} as never
      ])
    ),
  StartContainer: (chance) => containerz.StartContainer.requestSerialize(start(chance)),
  StopContainer: (chance) =>
    containerz.StopContainer.requestSerialize({ instanceName: text(chance), force: chance.hits(0.5) }),
  RemoveContainer: (chance) =>
    containerz.RemoveContainer.requestSerialize({ name: text(chance), force: chance.hits(0.5) }),
  UpdateContainer: (chance) =>
    containerz.UpdateContainer.requestSerialize({
      instanceName: text(chance),
      imageName: text(chance),
      imageTag: text(chance),
      params: start(chance),
      async: chance.hits(0.5)
    }),
  RemoveImage: (chance) => containerz.RemoveImage.requestSerialize({ name: text(chance), tag: text(chance) }),
  ListContainer: (chance) =>
    containerz.ListContainer.requestSerialize({
      all: chance.hits(0.5),
      limit: int32(chance),
      filter: some(chance, () => ({ key: text(chance), value: some(chance, () => text(chance)) }))
    }),
  ListImage: (chance) => containerz.ListImage.requestSerialize({ limit: int32(chance) }),
  Log: (chance) => containerz.Log.requestSerialize({ instanceName: text(chance), follow: chance.hits(0.5) }),
  CreateVolume: (chance) =>
    containerz.CreateVolume.requestSerialize({ name: text(chance), driver: "DS_CUSTOM", labels: {} }),
  RemoveVolume: (chance) => containerz.RemoveVolume.requestSerialize({ name: text(chance) })
}

const names = Object.keys(sound)

/** A request of this method's, of another's, a spoilt one, or noise. */
export const request = (chance: Chance, method: string): Buffer => {
  const own = sound[method] ?? sound["Log"]!
  const kind = chance.below(20)
  if (kind < 14) return own(chance)
  if (kind < 15) return sound[chance.pick(names)]!(chance)
  if (kind < 18) return spoilt(chance, own(chance))
  return bytes(chance, 200)
}
