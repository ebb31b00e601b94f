package gcp

import (
	"context"
	"fmt"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Firestore is a connection to a database, for a room that only passes it on.
type Firestore = firestore.Client

// PubSub is a connection to the topics of a project, likewise.
type PubSub = pubsub.Client

// NewFirestore connects to a database. A non-empty emulator is the host and
// port of an emulator, or of the embedded server, to use instead of the service.
func NewFirestore(ctx context.Context, project, database, emulator string) (*firestore.Client, error) {
	client, err := firestore.NewClientWithDatabase(ctx, project, database, emulated(emulator)...)
	if err != nil {
		return nil, fmt.Errorf("connect to firestore: %w", err)
	}
	return client, nil
}

// NewPubSub connects to the topics of a project, in the same manner. The client
// outlives ctx.
func NewPubSub(ctx context.Context, project, emulator string) (*pubsub.Client, error) {
	client, err := pubsub.NewClient(context.WithoutCancel(ctx), project, emulated(emulator)...)
	if err != nil {
		return nil, fmt.Errorf("connect to pubsub: %w", err)
	}
	return client, nil
}

func emulated(host string) []option.ClientOption {
	if host == "" {
		return nil
	}
	return []option.ClientOption{
		option.WithEndpoint(host),
		option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}
