//! Compiles the .proto files without protoc.

use std::path::PathBuf;

/// What clients use.
const PUBLIC: &[&str] = &[
    "kafka2oss/v1/agent.proto",
    "kafka2oss/v1/connector.proto",
    "kafka2oss/v1/connector_spec.proto",
    "kafka2oss/v1/connector_status.proto",
    "kafka2oss/v1/flush.proto",
    "kafka2oss/v1/instance.proto",
    "kafka2oss/v1/preflight.proto",
    "kafka2oss/v1/secret.proto",
    "kafka2oss/v1/server.proto",
    "kafka2oss/v1/watch.proto",
];
/// What agents use.
const AGENT: &[&str] = &["kafka2oss/agent/v1/agent_control.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=kafka2oss");
    println!("cargo::rerun-if-changed=google");

    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    for (files, name) in [(PUBLIC, "public.bin"), (AGENT, "agent.bin")] {
        let mut compiler = protox::Compiler::new(["."])?;
        compiler.include_imports(true).open_files(files)?;
        // With the annotations, which prost's types have no place for.
        std::fs::write(out.join(name), compiler.encode_file_descriptor_set())?;
    }
    tonic_prost_build::configure()
        // Its constructor `connect` would collide with the RPC Connect; clients
        // are made with `new` from a channel.
        .build_transport(false)
        // The same message is the same bytes each time.
        .btree_map(".")
        // A second spec would make every connector, and what waits with one, very large.
        .boxed(".kafka2oss.v1.Connector.effective_spec")
        // Messages with secrets: `Debug` is written by hand in `secret.rs`.
        .skip_debug([".kafka2oss.v1.Secret"])
        .compile_fds(protox::compile(PUBLIC.iter().chain(AGENT), ["."])?)?;
    Ok(())
}
