// The console wizard's procedure: creates a connector, watches it until it runs, sends a
// test message, says in which object it stands, and deletes the connector.
//
// Usage: run [ADDRESS [CONNECTOR_ID]]; the environment has the rest, see examples/README.md.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	api "kafka2oss.internal/examples/go/kafka2ossv1"
)

const timeout = 2 * time.Minute

func setting(name, otherwise string) string {
	if value := os.Getenv("KAFKA2OSS_EXAMPLE_" + name); value != "" {
		return value
	}
	return otherwise
}

func plain(value string) *api.Secret {
	return &api.Secret{Source: &api.Secret_Plain{Plain: value}}
}

// What to synchronize. Everything that is left out has a default.
func connector() *api.Connector {
	store := api.StoreType_value["STORE_TYPE_"+setting("STORE_TYPE", "OSS")]
	key := &api.AccessKey{
		Id:     plain(setting("ACCESS_KEY_ID", "kafka2oss")),
		Secret: plain(setting("ACCESS_KEY_SECRET", "kafka2oss-dev")),
	}
	return &api.Connector{
		Labels: map[string]string{"made-by": "go"},
		Spec: &api.ConnectorSpec{
			Source: &api.KafkaSource{Topic: setting("TOPIC", "oss-test-input")},
			Destination: &api.ObjectStoreDestination{
				StoreType:   api.StoreType(store),
				Bucket:      setting("BUCKET", "kafka2oss-dev"),
				Endpoint:    setting("ENDPOINT", "http://localhost:7251"),
				Credentials: &api.StoreCredentials{Kind: &api.StoreCredentials_AccessKey{AccessKey: key}},
			},
			Output: &api.ConnectorOutput{
				Rotation: &api.RotationPolicy{Idle: durationpb.New(time.Second)},
			},
		},
	}
}

// Watches the connector until it is in a state; prints each that it passes.
func waitUntil(ctx context.Context, client api.ConnectorServiceClient, parent, id string, state api.ConnectorState) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	request := &api.WatchConnectorsRequest{Parent: parent, Filter: "id = " + id}
	events, err := client.WatchConnectors(watching, request)
	if err != nil {
		return err
	}
	for {
		next, err := events.Recv()
		if err != nil {
			return err
		}
		switch event := next.Event.(type) {
		case *api.WatchConnectorsResponse_Deleted:
			return errors.New(event.Deleted.Name + " is gone")
		case *api.WatchConnectorsResponse_Upsert:
			seen := event.Upsert.Status
			fmt.Printf("%s: %d of %d tasks\n", seen.State, seen.TasksReady, seen.TasksDesired)
			if seen.State == state {
				return nil
			}
		}
		// Heartbeats and the end of the snapshot say nothing about the connector.
	}
}

func wizard(ctx context.Context, client api.ConnectorServiceClient, parent, id string) error {
	preview, err := client.PreviewConnector(ctx, &api.PreviewConnectorRequest{
		Parent: parent, ConnectorId: id, Connector: connector(),
	})
	if err != nil {
		return err
	}
	for _, resource := range preview.Resources {
		fmt.Println("needs", resource.Name)
	}
	for _, warning := range preview.Warnings {
		fmt.Printf("note: %s: %s\n", warning.Field, warning.Message)
	}

	// Repeated with the same ID, after a lost answer for example, it is carried out once.
	made, err := client.CreateConnector(ctx, &api.CreateConnectorRequest{
		Parent: parent, ConnectorId: id, Connector: connector(), RequestId: rand.Text(),
	})
	if err != nil {
		return err
	}
	if _, err := client.DeployConnector(ctx, &api.DeployConnectorRequest{Name: made.Name}); err != nil {
		return err
	}
	err = waitUntil(ctx, client, parent, id, api.ConnectorState_CONNECTOR_STATE_RUNNING)
	if err != nil {
		return err
	}

	partition := int32(0)
	one := &api.TestMessagePayload{Content: &api.TestMessagePayload_Text{Text: "1"}}
	sent, err := client.SendTestMessage(ctx, &api.SendTestMessageRequest{
		Name: made.Name, Partition: &partition, Key: one, Value: one, RequestId: rand.Text(), Wait: true,
	})
	if err != nil {
		return err
	}
	fmt.Printf("offset %d of partition %d is in %s\n", sent.Offset, sent.Partition, sent.ObjectKey)
	_, err = client.DeleteConnector(ctx, &api.DeleteConnectorRequest{Name: made.Name})
	return err
}

// Code, remedy and fields of what the control plane has refused.
func explain(err error) {
	refused := status.Convert(err)
	fmt.Fprintf(os.Stderr, "%s: %s\n", refused.Code(), refused.Message())
	for _, detail := range refused.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			fmt.Fprintf(os.Stderr, "  %s: %s\n", detail.Reason, detail.Metadata["remedy"])
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				fmt.Fprintf(os.Stderr, "  %s: %s\n", violation.Field, violation.Description)
			}
		}
	}
}

func main() {
	address, id := "127.0.0.1:7250", "go-example"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if len(os.Args) > 2 {
		id = os.Args[2]
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		explain(err)
		os.Exit(1)
	}
	defer connection.Close()
	ctx, stop := context.WithTimeout(context.Background(), timeout)
	defer stop()
	client := api.NewConnectorServiceClient(connection)
	if err := wizard(ctx, client, "instances/"+setting("INSTANCE", "dev"), id); err != nil {
		explain(err)
		os.Exit(1)
	}
}
