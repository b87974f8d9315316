//! Compiles the .proto files without protoc.

use std::path::PathBuf;

const FILES: &[&str] = &[
    "kafka2oss/v1/agent.proto",
    "kafka2oss/v1/agent_control.proto",
    "kafka2oss/v1/connector.proto",
    "kafka2oss/v1/connector_spec.proto",
    "kafka2oss/v1/connector_status.proto",
    "kafka2oss/v1/instance.proto",
    "kafka2oss/v1/secret.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=kafka2oss");

    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure()
        // Its constructor `connect` would collide with the RPC Connect; clients
        // are made with `new` from a channel.
        .build_transport(false)
        // Messages with secrets: `Debug` is written by hand in `secret.rs`.
        .skip_debug([".kafka2oss.v1.Secret"])
        .compile_fds(descriptors)?;
    Ok(())
}
