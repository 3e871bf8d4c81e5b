/** How the switch's gNOI server is set up, from the rows of CONFIG_DB that tell it. */

/** A row's fields; empty where there is no such row. */
export type Row = Readonly<Record<string, string>>

/** `GNMI|gnmi`, `GNMI|certs`, and the place where certificates stood before: `DEVICE_METADATA|x509`. */
export interface GnmiRows {
  readonly gnmi: Row
  readonly certs: Row
  readonly x509: Row
}

export interface GnmiSettings {
  readonly port: number
  /** Undefined for plaintext. */
  readonly tls: {
    /** PEM files; none where the server makes itself a certificate that nobody has signed. */
    readonly files: { readonly ca?: string; readonly certificate?: string; readonly key?: string }
  } | undefined
  /** What of the rows makes no sense and was passed over, a sentence each. */
  readonly faults: ReadonlyArray<string>
}

/** Without a GNMI table a SONiC NPU listens here. */
export const defaultPort = 8080

/**
 * No certificates: plaintext. A row of certificates without files: TLS with an
 * ephemeral certificate. Files: TLS, and ours are shown unless `client_auth` is
 * false.
 */
export const settingsOf = (rows: GnmiRows): GnmiSettings => {
  const faults: Array<string> = []
  const said = rows.gnmi["port"]
  const port = said === undefined ? defaultPort : Number(said)
  const portMakesSense = Number.isInteger(port) && port >= 1 && port <= 65_535
  if (!portMakesSense) faults.push(`the port of GNMI|gnmi, ${JSON.stringify(said)}, is none; ${defaultPort} is taken`)
  const table = exists(rows.certs) ? rows.certs : exists(rows.x509) ? rows.x509 : undefined
  return {
    port: portMakesSense ? port : defaultPort,
    tls: table === undefined ? undefined : { files: filesOf(table, rows.gnmi["client_auth"] !== "false", faults) },
    faults
  }
}

/** An empty row is written as one field NULL. */
const exists = (row: Row): boolean => Object.keys(row).length > 0

const filesOf = (table: Row, showsOurs: boolean, faults: Array<string>) => {
  const [ca, certificate, key] = [table["ca_crt"], table["server_crt"], table["server_key"]].map((path) =>
    path === undefined || path === "" ? undefined : path
  )
  if ((certificate === undefined) !== (key === undefined)) {
    faults.push("of server_crt and server_key one is missing, so no certificate of ours is shown")
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(showsOurs && certificate !== undefined && key !== undefined ? { certificate, key } : {})
  }
}
