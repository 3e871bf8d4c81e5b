/** Views as a daemon would show them, for the tests of the command line. */
import type { NpuStatus } from "../../../src/control/npu-status.ts"
import {
  apiVersion,
  type ContainerList,
  type ContainerStatus,
  type ContainerView,
  type DeployStatus,
  type Desired,
  type IntentAccepted,
  type NpuView,
  type VersionView
} from "../../../src/control/views.ts"

export const npu = (over: Partial<NpuView> = {}): NpuView => ({
  endpoint: "169.254.200.254:8080",
  reachable: true,
  since: "2026-01-01T00:00:00.000Z",
  reason: null,
  ...over
})

export const npuStatus = (over: Partial<NpuStatus> = {}): NpuStatus => ({
  apiVersion,
  dpu: "dpu0",
  npu: npu(),
  speech: { dialect: "modern", by: "reflection", missing: [] },
  lastLook: { endedAt: "2026-01-01T00:01:29.000Z", took: 12 },
  clock: { difference: 1500, uncertainty: 3, at: "2026-01-01T00:01:00.000Z" },
  conditions: [],
  ...over
})

export const container = (over: Partial<ContainerView> = {}): ContainerView => ({
  name: "gnmidpu0",
  service: "gnmi",
  desired: "running",
  state: "Running",
  healthy: "True",
  image: "docker-sonic-gnmi:20241211.35",
  version: "20241211.35",
  targetVersion: "20241211.35",
  restarts: 0,
  lastReason: null,
  nextRetryAt: null,
  observedAt: "2026-01-01T00:00:00.000Z",
  lastState: "Running",
  ...over
})

export const list = (over: Partial<ContainerList> = {}): ContainerList => ({
  apiVersion,
  dpu: "dpu0",
  targetVersion: "20241211.35",
  versionUnreadable: null,
  npu: npu(),
  conditions: [],
  containers: [
    container({ name: "databasedpu0", service: "database", image: "docker-database:20241211.35" }),
    container(),
    container({ name: "dash-hadpu0", service: "ha", image: "docker-dash-ha:20241211.35" })
  ],
  ...over
})

export const status = (over: Partial<ContainerStatus> = {}): ContainerStatus => ({
  apiVersion,
  npu: npu(),
  container: container(),
  stateSince: "2026-01-01T00:00:00.000Z",
  wantedImage: "docker-sonic-gnmi:20241211.35",
  attempt: 0,
  activity: "it runs as it should",
  advice: [],
  conditions: [],
  intent: { desired: "running", recordedAt: null, fulfilled: true },
  ...over
})

export const accepted = (desired: Desired, name = "gnmidpu0"): IntentAccepted => ({
  apiVersion,
  container: name,
  desired,
  recordedAt: "2026-01-01T00:00:00.000Z"
})

export const deployStatus = (over: Partial<DeployStatus> = {}): DeployStatus => ({
  apiVersion,
  operation: "op-1",
  subject: "/tmp/gnmi.tar",
  image: null,
  phase: "checking",
  sentBytes: 0,
  totalBytes: null,
  startedAt: "2026-01-01T00:00:00.000Z",
  endedAt: null,
  outcome: null,
  message: null,
  ...over
})

export const version = (over: Partial<VersionView> = {}): VersionView => ({
  apiVersion,
  daemon: "0.1.0",
  pid: 4711,
  startedAt: "2026-01-01T00:00:00.000Z",
  dpu: "dpu0",
  sonicVersion: "20241211.35",
  sonicVersionReason: null,
  npu: npu(),
  ...over
})
