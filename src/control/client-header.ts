/** The header by which a client says who gives its command: `alice (uid 1000)`. Nobody checks it; it is recorded as a claim. */
export const clientHeader = "offloader-client"
