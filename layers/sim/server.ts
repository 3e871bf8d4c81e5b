/** What kind of server the NPU has at the moment: what it lacks, what it refuses, whether it describes itself. */
import type { MethodName, ReflectionResponse } from "../../src/npu/messages.ts"
import { type GrpcCode, WireError } from "../../src/npu/wire.ts"

/** What a server can do without. */
export type Lack = "logs" | "images" | "list" | "deploy" | "everything"

const containerz = [
  "ListContainer",
  "StartContainer",
  "StopContainer",
  "RemoveContainer",
  "ListImage",
  "RemoveImage",
  "Deploy",
  "Log"
] as const satisfies ReadonlyArray<MethodName>

const lacking: Readonly<Record<Lack, ReadonlySet<MethodName>>> = {
  logs: new Set(["Log"]),
  images: new Set(["ListImage"]),
  list: new Set(["ListContainer"]),
  deploy: new Set(["Deploy"]),
  everything: new Set(containerz)
}

interface Model {
  readonly lacks: Lack
  /** Whether it has reflection. */
  readonly described: boolean
}

/** With what, and after how many milliseconds. */
interface Refusing {
  readonly code: GrpcCode
  readonly delay: number
}

export class Server {
  /** Of those that somebody has put in, the last is there. */
  private readonly models: Array<Model> = []
  /** `method container` → how it answers all such calls. */
  private readonly refusals = new Map<string, Refusing>()

  /** Another server takes the place of this one; returns how to take it away again. */
  replace(model: Model): () => void {
    this.models.push(model)
    return () => void this.models.splice(this.models.indexOf(model), 1)
  }

  /** Calls of this method, of this container where it is about one, fail inside the server. */
  refuse(method: MethodName, container: string, how: Refusing): () => void {
    const key = `${method} ${container}`
    this.refusals.set(key, how)
    return () => void this.refusals.delete(key)
  }

  lacks(method: MethodName): boolean {
    const model = this.models.at(-1)
    return model !== undefined && lacking[model.lacks].has(method)
  }

  /** What it answers a call with that it does not carry out; undefined where it does. */
  refusalOf(method: MethodName, container: string): { readonly error: WireError; readonly delay: number } | undefined {
    if (this.models.length === 0 && this.refusals.size === 0) return undefined
    if (this.lacks(method)) {
      const details = this.models.at(-1)?.lacks === "everything"
        ? "unknown service gnoi.containerz.Containerz"
        : `method ${method} not implemented`
      return { error: new WireError({ method, code: "UNIMPLEMENTED", origin: "peer", details }), delay: 0 }
    }
    const how = this.refusals.get(`${method} ${container}`)
    if (how === undefined) return undefined
    const { code, delay } = how
    return { error: new WireError({ method, code, origin: "peer", details: "the server does not do that now" }), delay }
  }

  /** Its own description, where it has one. */
  get reflection(): ReadonlyArray<ReflectionResponse> | undefined {
    const model = this.models.at(-1)
    if (model?.described !== true) return undefined
    const offered = containerz.filter((method) => !this.lacks(method))
    if (offered.length === 0) return [{ errorResponse: { errorCode: 5, errorMessage: "there is no such symbol" } }]
    const service = [{ name: "Containerz", method: offered.map((name) => ({ name })) }]
    return [{
      fileDescriptorResponse: { fileDescriptorProto: [{ package: "gnoi.containerz", messageType: [], service }] }
    }]
  }
}
