import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Iterator;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import kafka2oss.v1.AccessKey;
import kafka2oss.v1.Connector;
import kafka2oss.v1.ConnectorOutput;
import kafka2oss.v1.ConnectorServiceGrpc;
import kafka2oss.v1.ConnectorServiceGrpc.ConnectorServiceBlockingStub;
import kafka2oss.v1.ConnectorSpec;
import kafka2oss.v1.ConnectorState;
import kafka2oss.v1.ConnectorStatus;
import kafka2oss.v1.CreateConnectorRequest;
import kafka2oss.v1.DeleteConnectorRequest;
import kafka2oss.v1.DeployConnectorRequest;
import kafka2oss.v1.KafkaSource;
import kafka2oss.v1.ObjectStoreDestination;
import kafka2oss.v1.PreviewConnectorRequest;
import kafka2oss.v1.RotationPolicy;
import kafka2oss.v1.Secret;
import kafka2oss.v1.SendTestMessageRequest;
import kafka2oss.v1.StoreCredentials;
import kafka2oss.v1.StoreType;
import kafka2oss.v1.TestMessagePayload;
import kafka2oss.v1.WatchConnectorsRequest;
import kafka2oss.v1.WatchConnectorsResponse;

/**
 * The console wizard's procedure: creates a connector, watches it until it runs, sends a test
 * message, says in which object it stands, and deletes the connector.
 *
 * <p>Usage: run [ADDRESS [CONNECTOR_ID]]; the environment has the rest, see
 * examples/README.md.
 */
public final class Wizard {
  private static final long TIMEOUT_SECONDS = 120;

  private final ConnectorServiceBlockingStub service;
  private final String parent;
  private final String id;

  private Wizard(ConnectorServiceBlockingStub service, String parent, String id) {
    this.service = service;
    this.parent = parent;
    this.id = id;
  }

  private static String setting(String name, String otherwise) {
    String value = System.getenv("KAFKA2OSS_EXAMPLE_" + name);
    return value == null ? otherwise : value;
  }

  private static Secret plain(String value) {
    return Secret.newBuilder().setPlain(value).build();
  }

  /** What to synchronize. Everything that is left out has a default. */
  private static Connector connector() {
    AccessKey.Builder key =
        AccessKey.newBuilder()
            .setId(plain(setting("ACCESS_KEY_ID", "kafka2oss")))
            .setSecret(plain(setting("ACCESS_KEY_SECRET", "kafka2oss-dev")));
    ObjectStoreDestination.Builder destination =
        ObjectStoreDestination.newBuilder()
            .setStoreType(StoreType.valueOf("STORE_TYPE_" + setting("STORE_TYPE", "OSS")))
            .setBucket(setting("BUCKET", "kafka2oss-dev"))
            .setEndpoint(setting("ENDPOINT", "http://localhost:7251"))
            .setCredentials(StoreCredentials.newBuilder().setAccessKey(key));
    RotationPolicy.Builder rotation =
        RotationPolicy.newBuilder().setIdle(Duration.newBuilder().setSeconds(1));
    return Connector.newBuilder()
        .putLabels("made-by", "java")
        .setSpec(
            ConnectorSpec.newBuilder()
                .setSource(KafkaSource.newBuilder().setTopic(setting("TOPIC", "oss-test-input")))
                .setDestination(destination)
                .setOutput(ConnectorOutput.newBuilder().setRotation(rotation)))
        .build();
  }

  private ConnectorServiceBlockingStub bounded() {
    return service.withDeadlineAfter(TIMEOUT_SECONDS, TimeUnit.SECONDS);
  }

  /** Watches the connector until it is in a state; prints each that it passes. */
  private void waitUntil(ConnectorState state) {
    WatchConnectorsRequest request =
        WatchConnectorsRequest.newBuilder().setParent(parent).setFilter("id = " + id).build();
    Context.CancellableContext watching = Context.current().withCancellation();
    Context before = watching.attach();
    try {
      Iterator<WatchConnectorsResponse> events = bounded().watchConnectors(request);
      while (events.hasNext()) {
        WatchConnectorsResponse event = events.next();
        // Heartbeats and the end of the snapshot say nothing about the connector.
        if (event.hasDeleted()) {
          throw new IllegalStateException(event.getDeleted().getName() + " is gone");
        }
        if (event.hasUpsert()) {
          ConnectorStatus status = event.getUpsert().getStatus();
          System.out.printf(
              "%s: %d of %d tasks%n",
              status.getState(), status.getTasksReady(), status.getTasksDesired());
          if (status.getState() == state) {
            return;
          }
        }
      }
      throw new IllegalStateException("the watch has ended");
    } finally {
      watching.detach(before);
      watching.cancel(null);
    }
  }

  private void run() {
    var preview =
        bounded()
            .previewConnector(
                PreviewConnectorRequest.newBuilder()
                    .setParent(parent)
                    .setConnectorId(id)
                    .setConnector(connector())
                    .build());
    preview.getResourcesList().forEach(one -> System.out.println("needs " + one.getName()));
    preview
        .getWarningsList()
        .forEach(one -> System.out.println("note: " + one.getField() + ": " + one.getMessage()));

    // Repeated with the same ID, after a lost answer for example, it is carried out once.
    String name =
        bounded()
            .createConnector(
                CreateConnectorRequest.newBuilder()
                    .setParent(parent)
                    .setConnectorId(id)
                    .setConnector(connector())
                    .setRequestId(UUID.randomUUID().toString())
                    .build())
            .getName();
    bounded().deployConnector(DeployConnectorRequest.newBuilder().setName(name).build());
    waitUntil(ConnectorState.CONNECTOR_STATE_RUNNING);

    TestMessagePayload one = TestMessagePayload.newBuilder().setText("1").build();
    var sent =
        bounded()
            .sendTestMessage(
                SendTestMessageRequest.newBuilder()
                    .setName(name)
                    .setPartition(0)
                    .setKey(one)
                    .setValue(one)
                    .setRequestId(UUID.randomUUID().toString())
                    .setWait(true)
                    .build());
    System.out.printf(
        "offset %d of partition %d is in %s%n",
        sent.getOffset(), sent.getPartition(), sent.getObjectKey());
    bounded().deleteConnector(DeleteConnectorRequest.newBuilder().setName(name).build());
  }

  /** Code, remedy and fields of what the control plane has refused. */
  private static void explain(StatusRuntimeException refused)
      throws InvalidProtocolBufferException {
    System.err.println(
        refused.getStatus().getCode() + ": " + refused.getStatus().getDescription());
    var status = StatusProto.fromThrowable(refused);
    for (Any detail : status.getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        ErrorInfo info = detail.unpack(ErrorInfo.class);
        System.err.println("  " + info.getReason() + ": " + info.getMetadataMap().get("remedy"));
      } else if (detail.is(BadRequest.class)) {
        for (var field : detail.unpack(BadRequest.class).getFieldViolationsList()) {
          System.err.println("  " + field.getField() + ": " + field.getDescription());
        }
      }
    }
  }

  /** Runs it. */
  public static void main(String[] arguments) throws Exception {
    String address = arguments.length > 0 ? arguments[0] : "127.0.0.1:7250";
    String id = arguments.length > 1 ? arguments[1] : "java-example";
    var channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    try {
      String parent = "instances/" + setting("INSTANCE", "dev");
      new Wizard(ConnectorServiceGrpc.newBlockingStub(channel), parent, id).run();
    } catch (StatusRuntimeException refused) {
      explain(refused);
      System.exit(1);
    } finally {
      channel.shutdownNow();
    }
  }
}
