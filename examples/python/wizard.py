"""The console wizard's procedure: creates a connector, watches it until it runs, sends a
test message, says in which object it stands, and deletes the connector.

Usage: run [ADDRESS [CONNECTOR_ID]]; the environment has the rest, see examples/README.md.
"""

import os
import sys
import uuid

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from kafka2oss.v1 import connector_pb2 as api
from kafka2oss.v1 import connector_pb2_grpc, connector_spec_pb2, connector_status_pb2
from kafka2oss.v1.secret_pb2 import AccessKey, Secret, StoreCredentials

TIMEOUT = 120.0


def setting(name, default):
    return os.environ.get(f"KAFKA2OSS_EXAMPLE_{name}", default)


def connector():
    """What to synchronize. Everything that is left out has a default."""
    spec = connector_spec_pb2
    store = spec.StoreType.Value(f"STORE_TYPE_{setting('STORE_TYPE', 'OSS')}")
    access_key = AccessKey(
        id=Secret(plain=setting("ACCESS_KEY_ID", "kafka2oss")),
        secret=Secret(plain=setting("ACCESS_KEY_SECRET", "kafka2oss-dev")),
    )
    return api.Connector(
        labels={"made-by": "python"},
        spec=spec.ConnectorSpec(
            source=spec.KafkaSource(topic=setting("TOPIC", "oss-test-input")),
            destination=spec.ObjectStoreDestination(
                store_type=store,
                bucket=setting("BUCKET", "kafka2oss-dev"),
                endpoint=setting("ENDPOINT", "http://localhost:7251"),
                credentials=StoreCredentials(access_key=access_key),
            ),
            output=spec.ConnectorOutput(rotation=spec.RotationPolicy(idle=Duration(seconds=1))),
        ),
    )


def wait_until(stub, parent, connector_id, state):
    """Watches the connector until it is in a state; prints each that it passes."""
    names = connector_status_pb2.ConnectorState
    request = api.WatchConnectorsRequest(parent=parent, filter=f"id = {connector_id}")
    events = stub.WatchConnectors(request, timeout=TIMEOUT)
    for event in events:
        # Heartbeats and the end of the snapshot say nothing about the connector.
        if event.WhichOneof("event") == "deleted":
            raise RuntimeError(f"{event.deleted.name} is gone")
        if event.WhichOneof("event") == "upsert":
            status = event.upsert.status
            print(f"{names.Name(status.state)}: {status.tasks_ready} of {status.tasks_desired} tasks")
            if status.state == state:
                events.cancel()
                return
    raise RuntimeError("the watch has ended")


def wizard(stub, parent, connector_id):
    planned = api.PreviewConnectorRequest(
        parent=parent, connector_id=connector_id, connector=connector()
    )
    preview = stub.PreviewConnector(planned, timeout=TIMEOUT)
    for resource in preview.resources:
        print(f"needs {resource.name}")
    for warning in preview.warnings:
        print(f"note: {warning.field}: {warning.message}")

    # Repeated with the same ID, after a lost answer for example, it is carried out once.
    create = api.CreateConnectorRequest(
        parent=parent,
        connector_id=connector_id,
        connector=connector(),
        request_id=str(uuid.uuid4()),
    )
    name = stub.CreateConnector(create, timeout=TIMEOUT).name
    stub.DeployConnector(api.DeployConnectorRequest(name=name), timeout=TIMEOUT)
    wait_until(stub, parent, connector_id, connector_status_pb2.CONNECTOR_STATE_RUNNING)

    message = api.SendTestMessageRequest(
        name=name,
        partition=0,
        key=api.TestMessagePayload(text="1"),
        value=api.TestMessagePayload(text="1"),
        request_id=str(uuid.uuid4()),
        wait=True,
    )
    sent = stub.SendTestMessage(message, timeout=TIMEOUT)
    print(f"offset {sent.offset} of partition {sent.partition} is in {sent.object_key}")
    stub.DeleteConnector(api.DeleteConnectorRequest(name=name), timeout=TIMEOUT)


def explain(error):
    """Code, remedy and fields of what the control plane has refused."""
    print(f"{error.code().name}: {error.details()}", file=sys.stderr)
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info, fields = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            print(f"  {info.reason}: {info.metadata['remedy']}", file=sys.stderr)
        elif detail.Unpack(fields):
            for violation in fields.field_violations:
                print(f"  {violation.field}: {violation.description}", file=sys.stderr)


def main(address="127.0.0.1:7250", connector_id="python-example"):
    parent = f"instances/{setting('INSTANCE', 'dev')}"
    with grpc.insecure_channel(address) as channel:
        try:
            wizard(connector_pb2_grpc.ConnectorServiceStub(channel), parent, connector_id)
        except grpc.RpcError as error:
            explain(error)
            sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
