// The console wizard's procedure: creates a connector, watches it until it runs, sends a
// test message, says in which object it stands, and deletes the connector.
//
// Usage: run [ADDRESS [CONNECTOR_ID]]; the environment has the rest, see examples/README.md.

import { randomUUID } from "node:crypto";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { ProtoGrpcType } from "./generated/connector";
import type { Connector, Connector__Output } from "./generated/kafka2oss/v1/Connector";
import type { ConnectorServiceClient } from "./generated/kafka2oss/v1/ConnectorService";
import type { PreviewConnectorResponse__Output } from "./generated/kafka2oss/v1/PreviewConnectorResponse";
import type { SendTestMessageResponse__Output } from "./generated/kafka2oss/v1/SendTestMessageResponse";
import type { WatchConnectorsResponse__Output } from "./generated/kafka2oss/v1/WatchConnectorsResponse";

const TIMEOUT = 120_000;

function setting(name: string, otherwise: string): string {
  return process.env[`KAFKA2OSS_EXAMPLE_${name}`] ?? otherwise;
}

/** What to synchronize. Everything that is left out has a default. */
function connector(): Connector {
  const store = `STORE_TYPE_${setting("STORE_TYPE", "OSS")}` as "STORE_TYPE_OSS" | "STORE_TYPE_S3";
  return {
    labels: { "made-by": "typescript" },
    spec: {
      source: { topic: setting("TOPIC", "oss-test-input") },
      destination: {
        store_type: store,
        bucket: setting("BUCKET", "kafka2oss-dev"),
        endpoint: setting("ENDPOINT", "http://localhost:7251"),
        credentials: {
          access_key: {
            id: { plain: setting("ACCESS_KEY_ID", "kafka2oss") },
            secret: { plain: setting("ACCESS_KEY_SECRET", "kafka2oss-dev") },
          },
        },
      },
      output: { rotation: { idle: { seconds: 1 } } },
    },
  };
}

type Done<Answer> = (error: grpc.ServiceError | null, answer?: Answer) => void;

/** Carries out one call that has one answer. */
function call<Answer>(
  begin: (options: grpc.CallOptions, done: Done<Answer>) => unknown,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    begin({ deadline: Date.now() + TIMEOUT }, (error, answer) => {
      if (error || answer === undefined) reject(error);
      else resolve(answer);
    });
  });
}

/** Watches the connector until it is in a state; prints each that it passes. */
async function waitUntil(
  client: ConnectorServiceClient,
  parent: string,
  id: string,
  state: string,
): Promise<void> {
  const request = { parent, filter: `id = ${id}` };
  const events = client.WatchConnectors(request, { deadline: Date.now() + TIMEOUT });
  try {
    for await (const event of events as AsyncIterable<WatchConnectorsResponse__Output>) {
      // Heartbeats and the end of the snapshot say nothing about the connector.
      if (event.event === "deleted") throw new Error(`${event.deleted?.name} is gone`);
      if (event.event !== "upsert" || !event.upsert?.status) continue;
      const status = event.upsert.status;
      console.log(`${status.state}: ${status.tasks_ready} of ${status.tasks_desired} tasks`);
      if (status.state === state) return;
    }
  } finally {
    events.on("error", () => {});
    events.cancel();
  }
  throw new Error("the watch has ended");
}

async function wizard(client: ConnectorServiceClient, parent: string, id: string): Promise<void> {
  const planned = { parent, connector_id: id, connector: connector() };
  const preview = await call<PreviewConnectorResponse__Output>((options, done) =>
    client.PreviewConnector(planned, options, done),
  );
  for (const resource of preview.resources) console.log(`needs ${resource.name}`);
  for (const { field, message } of preview.warnings) console.log(`note: ${field}: ${message}`);

  // Repeated with the same ID, after a lost answer for example, it is carried out once.
  const create = { ...planned, request_id: randomUUID() };
  const { name } = await call<Connector__Output>((options, done) =>
    client.CreateConnector(create, options, done),
  );
  await call<Connector__Output>((options, done) =>
    client.DeployConnector({ name }, options, done),
  );
  await waitUntil(client, parent, id, "CONNECTOR_STATE_RUNNING");

  const one = { text: "1" };
  const message = { name, partition: 0, key: one, value: one, request_id: randomUUID(), wait: true };
  const sent = await call<SendTestMessageResponse__Output>((options, done) =>
    client.SendTestMessage(message, options, done),
  );
  console.log(`offset ${sent.offset} of partition ${sent.partition} is in ${sent.object_key}`);
  await call<Connector__Output>((options, done) =>
    client.DeleteConnector({ name }, options, done),
  );
}

async function main(address = "127.0.0.1:7250", id = "typescript-example"): Promise<void> {
  const folder = process.env.PROTO_FOLDER ?? "proto";
  const definition = loadSync("kafka2oss/v1/connector.proto", {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
    includeDirs: [folder],
  });
  const api = grpc.loadPackageDefinition(definition) as unknown as ProtoGrpcType;
  const credentials = grpc.credentials.createInsecure();
  const client = new api.kafka2oss.v1.ConnectorService(address, credentials);
  try {
    await wizard(client, `instances/${setting("INSTANCE", "dev")}`, id);
  } finally {
    client.close();
  }
}

main(...(process.argv.slice(2) as [string?, string?])).catch((error: unknown) => {
  // Code and message of what the control plane has refused; the details are in
  // `error.metadata.get("grpc-status-details-bin")`, as a google.rpc.Status.
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
