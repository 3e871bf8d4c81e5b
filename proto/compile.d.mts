/** The files that hold a service. */
export declare const entryFiles: ReadonlyArray<string>

/** The protobufjs JSON root of all entry files and their imports. */
export declare function compileDescriptor(): { readonly nested?: Record<string, unknown> }
